"""Measures a database's pool of connections, from outside of the storage."""

import threading
import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from sqlalchemy import Engine, event

from nestegg_core.contracts.metrics import MetricsExporter

SECONDS = 60.0


class Stretches:
    """Counts how often each trouble is met, and says when it is time to tell of it.

    Example:
        >>> stretches = Stretches(now=iter([0.0, 1.0, 2.0, 61.0]).__next__)
        >>> [stretches.met("full") for _ in range(4)]
        [1, 0, 0, 3]
    """

    def __init__(self, seconds: float = SECONDS, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._now = now
        self._lock = threading.Lock()
        self._began: dict[str, float] = {}
        self._met: dict[str, int] = {}

    def met(self, trouble: str) -> int:
        """Count one; return how many there were since the last report, 0 for not yet.

        Each `trouble` is remembered, so there must be few.
        """
        with self._lock:
            now, count = self._now(), self._met.get(trouble, 0) + 1
            began = self._began.get(trouble)
            if began is not None and now < began + self._seconds:
                self._met[trouble] = count
                return 0
            self._began[trouble], self._met[trouble] = now, 0
            return count


class ConnectionWatch:
    def __init__(self, metrics: MetricsExporter) -> None:
        self._metrics = metrics
        self._in_use = 0
        self._lock = Lock()

    def made(self, engine: Engine) -> None:
        if not hasattr(engine.pool, "size"):  # a pool that keeps nothing has no figures
            return
        size = int(engine.pool.size())

        def taken(*_: Any) -> None:
            self._tell(size, +1)

        def returned(*_: Any) -> None:  # it is in the pool a moment later, so the pool cannot tell
            self._tell(size, -1)

        def closed(*_: Any) -> None:
            self._tell(0, 0)

        event.listen(engine, "checkout", taken)
        event.listen(engine, "checkin", returned)
        event.listen(engine, "engine_disposed", closed)

    def waited(self, seconds: float) -> None:
        """Whether a connection came or not."""
        self._metrics.observe("database_connection_wait_seconds", {}, seconds)

    def _tell(self, size: int, change: int) -> None:
        with self._lock:  # so that an older figure does not come after a newer one
            self._in_use += change
            overflow = max(0, self._in_use - size)
            self._metrics.gauge("database_pool_size", {}, size)
            self._metrics.gauge("database_connections_in_use", {}, self._in_use)
            self._metrics.gauge("database_connections_overflow", {}, overflow)
