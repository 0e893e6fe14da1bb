"""Turns what jobs came to into measurements."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nestegg_core.contracts.metrics import MetricsExporter

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
