"""Copies of SQLite files: consistent while others write, and put back in one transaction."""

import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO

from sqlalchemy import text

from nestegg_core.contracts.storage import Transaction
from nestegg_core.errors import NestEggError, StorageUnavailable

_CHUNK = 1 << 20
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_TABLES = text(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' "
    "ORDER BY name"
)


class SqliteSnapshot:
    """Fulfils `nestegg_core.Snapshot`.

    Args:
        transaction: a reading one on the file.
        file: a copy that nobody writes to.
    """

    def __init__(self, transaction: Transaction, file: Path) -> None:
        self._file = file
        self.transaction = transaction

    @property
    def tables(self) -> Sequence[str]:
        """Names of the tables that are there."""
        return list(self.transaction.execute(_TABLES).scalars())

    def dump(self, target: IO[bytes]) -> None:
        """Write the file as it is: SQLite's own tools open it."""
        with self._file.open("rb") as source:
            shutil.copyfileobj(source, target, _CHUNK)


def open_elsewhere(database: Path) -> bool:
    """Tell whether another connection is open, idle ones included.

    In WAL mode each holds a shared lock for as long as it lives, so that one that wants the file
    for itself gets it only when it is alone.
    """
    with closing(sqlite3.connect(database, timeout=0)) as connection:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in _BUSY:
                return True
            raise
    return False


def copy_database(source: Path, target: Path, seconds: float) -> None:
    """Copy a database into another by SQLite's online backup.

    The copy is the state of one moment. A target that others have open is replaced in one
    transaction: they see all of the new state or, when this fails, the old one.

    Args:
        seconds: how long to wait for a writer of the target.

    Raises:
        NestEggError: the disk is full or out of order, or a database has another page size.
        StorageUnavailable: others write all the time.
    """
    with (
        closing(sqlite3.connect(source, timeout=seconds)) as read,
        closing(sqlite3.connect(target, timeout=seconds)) as write,
    ):
        try:
            read.backup(write, pages=-1, progress=_patience(seconds), sleep=0.05)
        except sqlite3.Error as error:
            raise NestEggError(f"SQLite cannot copy the database: {error}.") from None


def _patience(seconds: float) -> Callable[[int, int, int], None]:
    """Return what ends a copy that is kept waiting; SQLite would try again for ever."""
    deadline = time.monotonic() + seconds

    def look(status: int, _remaining: int, _total: int) -> None:
        if status in _BUSY and time.monotonic() > deadline:
            raise StorageUnavailable("The database is being written to. Stop the servers first.")

    return look


def written(source: IO[bytes], file: Path) -> Path:
    """Write a dump to a file and return it.

    Raises:
        NestEggError: it is no sound SQLite database.
    """
    with file.open("xb") as target:
        shutil.copyfileobj(source, target, _CHUNK)
    try:
        with closing(sqlite3.connect(file)) as connection:
            [verdict] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    if verdict != "ok":
        raise NestEggError(f"The dump is no sound SQLite database: {verdict}.")
    return file
