"""How long a caller waits for the database: not for ever, even if it is frozen.

A server that is asked to limit its statements does so as long as it runs. One that is stopped, or
whose disk hangs, says nothing at all, and its driver waits. So each process looks once a second
for calls that have waited too long, and cuts their connections; the waiting calls then fail.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

EVERY_SECONDS = 1.0


class Wait:
    """One transaction's connection, and since when a call on it has been waiting."""

    __slots__ = ("connection", "since")

    def __init__(self, connection: Connection | None = None) -> None:
        self.connection = connection
        self.since: float | None = None

    def __enter__(self) -> None:
        self.since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.since = None


class Patience:
    """Watches the waits of one process.

    Args:
        seconds: how long a call may wait.
        cut: ends a connection so that whoever waits on it gets an error; called from a thread of
            its own.
    """

    def __init__(self, seconds: float, cut: Callable[[Connection], Any]) -> None:
        self._seconds = seconds
        self._cut = cut
        self._waits: set[Wait] = set()
        self._watcher: threading.Thread | None = None
        self._stopped = threading.Event()

    def begin(self, connection: Connection) -> Wait:
        if self._watcher is None:  # lazily: a thread does not survive a fork
            self._watcher = threading.Thread(target=self._watch, name="patience", daemon=True)
            self._watcher.start()
        wait = Wait(connection)
        self._waits.add(wait)
        return wait

    def end(self, wait: Wait) -> None:
        self._waits.discard(wait)

    def stop(self) -> None:
        """No thread may be alive where a process forks."""
        self._stopped.set()
        if self._watcher is not None:
            self._watcher.join(EVERY_SECONDS)

    def _watch(self) -> None:
        while not self._stopped.wait(EVERY_SECONDS):
            oldest = time.monotonic() - self._seconds
            for wait in list(self._waits):
                since, connection = wait.since, wait.connection
                if since is not None and since < oldest and connection is not None:
                    self._cut(connection)
