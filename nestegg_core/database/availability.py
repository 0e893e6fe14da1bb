"""When a database does not serve: why, in the same words for all, and how long a caller waits.

The same trouble has a number in SQLite and a code in SQL; operators read the same words for both.

A server that is asked to limit its statements does so as long as it runs. One that is stopped, or
whose disk hangs, says nothing at all, and its driver waits. So each process looks once a second
for calls that have waited too long, and cuts their connections; the waiting calls then fail.
"""

import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError

from nestegg_core.errors import StorageUnavailable
from nestegg_core.files import FULL as FULL_DISK
from nestegg_core.files import NO_WRITES, obstacle, owner_of

FULL = "The database's disk is full."
DAMAGED = "The database is damaged: check its disk, and restore a backup."
READ_ONLY = "The database takes no writes: its file, its disk or the server is read-only."
DISK = "The database's disk does not read or write."
BUSY = "The database is busy: others held what was needed for too long."
MEMORY = "The database is out of memory."
CONNECTIONS = "The database takes no more connections."
RESTARTS = "The database is being stopped or started."
OTHERWISE = "The database cannot be reached or did not answer."

_SQLITE = {
    5: BUSY,
    6: BUSY,
    7: MEMORY,
    10: DISK,
    11: DAMAGED,
    13: FULL,
    26: DAMAGED,
}
"""By SQLite's primary result code (the low byte of an extended one)."""

_SQLITE_READ_ONLY = 8

_SQLITE_MISTAKES = frozenset({1, 8, 18, 20, 21, 25})
"""SQLITE_ERROR, READONLY, TOOBIG, MISMATCH, MISUSE and RANGE: a statement is wrong. Its driver
does not keep these apart from a file that is locked, full, damaged or out of reach.
"""

_SQL_STATES = {
    "53100": FULL,
    "53200": MEMORY,
    "53300": CONNECTIONS,
    "55P03": BUSY,
    "57014": BUSY,
    "57P01": RESTARTS,
    "57P02": RESTARTS,
    "57P03": RESTARTS,
    "58030": DISK,
    "XX001": DAMAGED,
    "XX002": DAMAGED,
}
_SQL_READ_ONLY = "25006"


def reason(error: Exception, *, write: bool) -> str | None:
    """Why the database did not do what it was asked; `None` where the statement is wrong."""
    driver = getattr(error, "orig", None)
    number = getattr(driver, "sqlite_errorcode", None)
    if number is not None:
        return _of_sqlite(number & 0xFF, write=write)
    state = getattr(driver, "sqlstate", None)
    if state in _SQL_STATES:
        return _SQL_STATES[state]
    if state == _SQL_READ_ONLY and write:
        return READ_ONLY
    return OTHERWISE if isinstance(error, OperationalError | InterfaceError) else None


def of_file(error: OSError, path: Path) -> StorageUnavailable:
    reason = FULL if error.errno in FULL_DISK else READ_ONLY if error.errno in NO_WRITES else DISK
    unavailable = StorageUnavailable(reason)
    unavailable.add_note(obstacle(error, path) or f"{error.strerror}: {path} ({owner_of(path)}).")
    return unavailable


def takes_no_writes(path: Path) -> StorageUnavailable:
    """SQLite opens a file for reading alone where it may not write beside it, too."""
    place = next((p for p in (path, path.parent) if not os.access(p, os.W_OK)), path)
    return of_file(PermissionError(errno.EACCES, "This user may not write to it"), place)


def _of_sqlite(code: int, *, write: bool) -> str | None:
    if code == _SQLITE_READ_ONLY and write:
        return READ_ONLY
    return None if code in _SQLITE_MISTAKES else _SQLITE.get(code, OTHERWISE)


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
