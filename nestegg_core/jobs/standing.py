"""How the jobs stand, read from the database: it survives the workers and schedulers that died."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from threading import Lock

import structlog
from croniter import croniter
from sqlalchemy import func, select

from nestegg_core.contracts.metrics import MetricsExporter
from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.contracts.storage import Storage
from nestegg_core.database.tables import jobs, key_fingerprints
from nestegg_core.jobs.model import TIME_LIMITS
from nestegg_core.jobs.service import KEPT
from nestegg_core.jobs.store import DONE, QUEUED

SECONDS = 15.0
"""How old figures may be before a scrape has them read again: three small queries by an index."""

_J = jobs.c
_WAITING = (
    select(_J.queue, func.count().label("waiting"), func.min(_J.due_at).label("oldest"))
    .where(_J.state == QUEUED)
    .group_by(_J.queue)
)
_LAST_DONE = (
    select(_J.name, func.max(_J.finished_at).label("at")).where(_J.state == DONE).group_by(_J.name)
)
_BEGAN = select(func.min(key_fingerprints.c.first_used_at))
_REMEMBERED = KEPT[DONE] - timedelta(days=1)

_log = structlog.get_logger("nestegg.metrics")


class Standing:
    """Measures how jobs stand, when somebody asks for the metrics."""

    def __init__(
        self,
        storage: Storage,
        registered: Iterable[JobRegistration],
        metrics: MetricsExporter,
        clock: Callable[[], datetime],
    ) -> None:
        self._storage = storage
        self._schedules = {one.name: one.schedule for one in registered if one.schedule}
        self._metrics = metrics
        self._clock = clock
        self._lock = Lock()
        self._again_at = 0.0

    def measure(self) -> None:
        """Read the figures, unless they are young enough; what cannot be read stays as it was."""
        with self._lock:
            if time.monotonic() < self._again_at:
                return
            self._again_at = time.monotonic() + SECONDS
            try:
                self._read()
            except Exception as error:  # no tables yet, no database: the other metrics are told
                _log.info("jobs cannot be looked at", error=type(error).__name__)

    def _read(self) -> None:
        now = self._clock()
        with self._storage.system_transaction(write=False) as tx:
            waiting = {row.queue: row for row in tx.execute(_WAITING)}
            done = {row.name: row.at for row in tx.execute(_LAST_DONE)}
            began = tx.execute(_BEGAN).scalar() or now
        for queue in TIME_LIMITS:
            row = waiting.get(queue)
            since = max(0.0, (now - row.oldest).total_seconds()) if row else 0.0
            labels = {"queue": queue}
            self._metrics.gauge("jobs_waiting", labels, row.waiting if row else 0)
            self._metrics.gauge("jobs_oldest_wait_seconds", labels, since)
        for name, at in done.items():
            labels = {"job": name}
            self._metrics.gauge("job_last_done_timestamp_seconds", labels, at.timestamp())
        for name, schedule in self._schedules.items():
            late = overdue(schedule, max(done.get(name, began), now - _REMEMBERED), now)
            self._metrics.gauge("job_overdue_seconds", {"job": name}, late)
        self._metrics.gauge("jobs_read_timestamp_seconds", {}, now.timestamp())


def overdue(schedule: str, last: datetime, now: datetime) -> float:
    """Return for how many seconds a job has been due that was done last at some moment.

    Example:
        >>> from datetime import UTC
        >>> last = datetime(2026, 1, 1, 2, 5, tzinfo=UTC)
        >>> overdue("0 2 * * *", last, datetime(2026, 1, 2, 1, 0, tzinfo=UTC))
        0.0
        >>> overdue("0 2 * * *", last, datetime(2026, 1, 2, 3, 0, tzinfo=UTC))
        3600.0
    """
    due: datetime = croniter(schedule, last).get_next(datetime)
    return max(0.0, (now - due).total_seconds())
