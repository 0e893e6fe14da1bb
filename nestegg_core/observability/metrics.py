"""Everything that the core and its daily jobs measure: name, meaning, and how processes add up.

The Prometheus exporter takes its HELP texts, buckets and modes from here, and `docs/monitoring.md`
is held to it. What plugins measure is not listed and works nevertheless.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nestegg_core.contracts.metrics import MetricsExporter

REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds: a page takes about ten milliseconds, and gunicorn's patience ends at 30 seconds."""

JOB_BUCKETS = (0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds: from forgetting a few rows to rewrapping a large database."""

WAIT_BUCKETS = (0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)
"""Seconds: a pooled connection is there at once; the pool gives up after 30 seconds."""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """`together` says how the gauge values of several processes add up: `livesum` adds
    those of living processes, `mostrecent` takes the last that was set.
    """

    kind: str
    help: str
    labels: Sequence[str] = ()
    buckets: Sequence[float] = REQUEST_BUCKETS
    together: str = "mostrecent"


MEASURES: Mapping[str, MetricSpec] = {
    "build_info": MetricSpec(
        "gauge", "The running release; always 1.", ("version", "python_version")
    ),
    "http_requests": MetricSpec(
        "counter",
        "Requests that were answered, by route template, method and status.",
        ("route", "method", "status"),
    ),
    "http_request_seconds": MetricSpec(
        "histogram",
        "Time from a request's first byte in the application to its answer.",
        ("route", "method"),
    ),
    "http_requests_in_progress": MetricSpec(
        "gauge", "Requests that are being answered now.", together="livesum"
    ),
    "database_pool_size": MetricSpec(
        "gauge", "Connections that the processes' pools keep at most.", together="livesum"
    ),
    "database_connections_in_use": MetricSpec(
        "gauge", "Connections that are handed out by the pools.", together="livesum"
    ),
    "database_connections_overflow": MetricSpec(
        "gauge",
        "Connections in use beyond the pools' size, for a peak.",
        together="livesum",
    ),
    "database_connection_wait_seconds": MetricSpec(
        "histogram",
        "Time until the pool handed out a connection, a new one's opening included.",
        buckets=WAIT_BUCKETS,
    ),
    "jobs": MetricSpec(
        "counter",
        "Runs of jobs by how they ended: done, retried, failed, or lost with their worker.",
        ("job", "outcome"),
    ),
    "job_seconds": MetricSpec("histogram", "How long runs of jobs took.", ("job",), JOB_BUCKETS),
    "jobs_waiting": MetricSpec("gauge", "Jobs that wait in a queue.", ("queue",)),
    "jobs_oldest_wait_seconds": MetricSpec(
        "gauge", "How long the first of the jobs in a queue has been due.", ("queue",)
    ),
    "job_last_done_timestamp_seconds": MetricSpec(
        "gauge", "When a job was last done, of the last 14 days.", ("job",)
    ),
    "job_overdue_seconds": MetricSpec(
        "gauge", "How long a scheduled job has been due without being done.", ("job",)
    ),
    "jobs_read_timestamp_seconds": MetricSpec(
        "gauge", "When the server last read from the database how the jobs stand."
    ),
    "identity_tokens": MetricSpec(
        "counter", "Bearer tokens that identity providers judged.", ("provider", "result")
    ),
    "decrypt_failures": MetricSpec(
        "counter", "Stored values that did not open, by column.", ("column",)
    ),
    "encrypted_values": MetricSpec(
        "gauge",
        "Encrypted values in the database by backend and key version, as of the daily count.",
        ("backend", "key_version"),
    ),
    "retention_deleted_rows": MetricSpec(
        "counter", "Rows that data retention deleted, by table.", ("table",)
    ),
    "retention_last_run_timestamp_seconds": MetricSpec(
        "gauge", "When data retention last ran to its end, by mode: live or dry_run.", ("mode",)
    ),
    "backup_last_created_timestamp_seconds": MetricSpec(
        "gauge", "When the newest backup was made."
    ),
    "backup_last_verified_timestamp_seconds": MetricSpec(
        "gauge", "When a backup was last restored and found equal to what it holds."
    ),
    "backup_last_size_bytes": MetricSpec("gauge", "Size of the newest backup."),
    "backup_failures": MetricSpec(
        "counter", "Backups that failed, by step: create or verify.", ("step",)
    ),
    "plugin_faults": MetricSpec(
        "counter", "Calls of plugins that raised or answered garbage.", ("plugin", "call")
    ),
}
"""By name, without the prefix that an exporter puts before it."""

UNKNOWN = MetricSpec("", "Measured by a plugin.")
"""Stands for what is not listed."""


MEASURE_KEYS = "measure_keys"
"""The job that counts the encrypted values by key version."""

DAILY = "10 4 * * *"
"""04:10 UTC, behind the purge. It reads every encrypted column, so a scrape must not do it."""

_CLEAR = "none"


class Purged(Protocol):
    """What a run of data retention came to."""

    @property
    def live(self) -> bool: ...

    @property
    def transactions(self) -> int: ...

    @property
    def failures(self) -> Sequence[object]: ...


class Sealed(Protocol):
    """Values of one column under one backend and key version; both `None` for clear text."""

    @property
    def backend(self) -> str | None: ...

    @property
    def version(self) -> int | None: ...

    @property
    def rows(self) -> int: ...


@dataclass(frozen=True, slots=True)
class JobMetrics:
    metrics: MetricsExporter
    clock: Callable[[], datetime]

    def retention(self, purged: Purged, cleaned: Mapping[str, int]) -> None:
        """Take a run; one that left something alone does not count as the last that was well."""
        deleted = {**cleaned, **({"transactions": purged.transactions} if purged.live else {})}
        for table, rows in deleted.items():
            self.metrics.count("retention_deleted_rows", {"table": table}, rows)
        if not purged.failures:
            mode = "live" if purged.live else "dry_run"
            now = self.clock().timestamp()
            self.metrics.gauge("retention_last_run_timestamp_seconds", {"mode": mode}, now)

    def keys(self, counts: Iterable[Sealed], backend: str, versions: Iterable[int]) -> None:
        """Count by column, backend and version; a known key version without values is 0."""
        found: Counter[tuple[str, str]] = Counter()
        for version in versions:
            found[backend, str(version)] = 0
        for one in counts:
            found[one.backend or _CLEAR, str(one.version or _CLEAR)] += one.rows
        for (by, key_version), rows in found.items():
            labels = {"backend": by, "key_version": key_version}
            self.metrics.gauge("encrypted_values", labels, rows)
