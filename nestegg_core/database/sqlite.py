"""The embedded storage: one SQLite file in the data folder."""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import QueuePool

from nestegg_core.contracts.storage import Finding, Transaction
from nestegg_core.database import availability
from nestegg_core.database.sql_storage import SqlStorage, SqlTransaction, translated_errors
from nestegg_core.database.types import ExactSum
from nestegg_core.errors import (
    ConfigurationError,
    MigrationError,
    NestEggError,
    Problem,
    StorageUnavailable,
)

_CHUNK = 1 << 20
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_TABLES = text(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' "
    "ORDER BY name"
)


class SqliteSnapshot:
    """Fulfils `nestegg_core.Snapshot`: a reading transaction on a copy that nobody writes to."""

    def __init__(self, transaction: Transaction, file: Path) -> None:
        self._file = file
        self.transaction = transaction

    @property
    def tables(self) -> Sequence[str]:
        return list(self.transaction.execute(_TABLES).scalars())

    def dump(self, target: IO[bytes]) -> None:
        """Write the file as it is: SQLite's own tools open it."""
        with self._file.open("rb") as source:
            shutil.copyfileobj(source, target, _CHUNK)


def open_elsewhere(database: Path) -> bool:
    """Whether another connection is open, idle ones included: in WAL mode each holds a shared lock
    for as long as it lives, so one that wants the file for itself gets it only when it is alone.
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
    """Copy the state of one moment by SQLite's online backup. Users of the target see all of the
    new state or, when this fails, the old one; for so many seconds this waits for a writer of the
    target. A full or broken disk and another page size are a `NestEggError`.
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
    """Ends a copy that is kept waiting; SQLite would try again for ever."""
    deadline = time.monotonic() + seconds

    def look(status: int, _remaining: int, _total: int) -> None:
        if status in _BUSY and time.monotonic() > deadline:
            raise StorageUnavailable("The database is being written to. Stop the servers first.")

    return look


def written(source: IO[bytes], file: Path) -> Path:
    """Write a dump to a file and check that it is a sound SQLite database."""
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


_NOT_FOR_WRITING = frozenset(
    {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
)
BUSY_SECONDS = 10
"""How long a writer waits for another before the call is answered 503."""


class SqliteStorage(SqlStorage):
    """Keeps everything in one file, in WAL mode, with foreign keys on."""

    dump_format = "sqlite"
    journal_mode = "WAL"

    def __init__(self, path: Path, *, makes_folder: bool = True) -> None:
        super().__init__()
        self._path = path
        self._makes_folder = makes_folder

    def make_engine(self) -> Engine:
        try:
            self._make_folder()
            with suppress(FileExistsError):  # SQLite gives its journals the mode of the file
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise availability.of_file(error, Path(error.filename or self._path)) from error
        engine = create_engine(
            f"sqlite+pysqlite:///{self._path}",
            poolclass=QueuePool,
            hide_parameters=True,
            connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
        )
        event.listen(engine, "do_connect", self._connected)
        return engine

    def begin(self, connection: Connection, org_id: UUID | None, *, write: bool) -> None:
        """A writer takes the lock at once: reading first and writing then fails when another
        has written in between. A reader is kept from writing.
        """
        del org_id  # SQLite has no row-level security: the statements scope alone
        connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if write else 'ON'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    def take_lock(self, connection: Connection, name: str) -> None:
        """Nothing to do: a writer already is alone."""

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """Hold the file's write lock. Foreign keys are off meanwhile, as SQLite asks when a
        table is rebuilt; every one of them is checked before the commit.
        """
        with self.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only = OFF")
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    yield connection
                    self._refuse_broken_references(connection)
                    connection.exec_driver_sql("COMMIT")
                except BaseException:
                    self._roll_back(connection)
                    raise
            finally:
                if not connection.invalidated:
                    connection.exec_driver_sql("PRAGMA foreign_keys = ON")

    def _refuse_broken_references(self, connection: Connection) -> None:
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken:
            raise MigrationError(
                f"The migration was rolled back: a row of {broken[0]} would refer to one of "
                f"{broken[2]} that does not exist."
            )

    def check_database(self, transaction: SqlTransaction) -> Sequence[Finding]:
        del transaction  # nothing beyond the schema's revision can be wrong with a file
        return []

    def others_connected(self) -> int:
        """1 where somebody else has the file open: SQLite does not say how many."""
        self.dispose()
        return int(self._path.exists() and open_elsewhere(self._path))

    # Backups: see `nestegg_core.DumpingStorage`.

    @contextmanager
    def snapshot(self) -> Iterator[SqliteSnapshot]:
        with translated_errors(), self._scratch_folder() as folder:
            copy = folder / "copy.sqlite3"
            copy_database(self._path, copy, BUSY_SECONDS)
            with SqliteCopy(copy).snapshot() as taken:
                yield taken

    @contextmanager
    def scratch(self, source: IO[bytes]) -> Iterator["SqliteCopy"]:
        with self._scratch_folder() as folder:
            storage = SqliteCopy(written(source, folder / "scratch.sqlite3"))
            try:
                yield storage
            finally:
                storage.dispose()

    def restore(self, source: IO[bytes]) -> None:
        """Replace everything in one transaction of SQLite's. The file stays the same one, so that
        processes that have it open see what was restored.
        """
        with translated_errors(), self._scratch_folder() as folder:
            dump = written(source, folder / "dump.sqlite3")
            copy_database(dump, self._path, BUSY_SECONDS)

    @contextmanager
    def _scratch_folder(self) -> Iterator[Path]:
        """For copies beside the database, where there is room for one if anywhere."""
        try:
            self._make_folder()
            folder = tempfile.TemporaryDirectory(prefix=".nestegg-copy-", dir=self._path.parent)
        except OSError as error:
            raise availability.of_file(error, self._path.parent) from error
        with folder as name:
            yield Path(name)

    def _make_folder(self) -> None:
        folder = self._path.parent
        if not self._makes_folder and not folder.exists():
            what = f"names a file in a folder that does not exist: {folder}"
            fix = "correct the path, or make the folder, for the user that runs Nest Egg"
            raise ConfigurationError([Problem("DATABASE_URL", what, fix)])
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _connected(self, dialect: Any, _record: Any, args: Any, parameters: Any) -> Any:
        """What cannot be prepared is closed here: no pool has it yet that would do so."""
        connection = dialect.connect(*args, **parameters)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.isolation_level = None
        try:
            connection.execute(f"PRAGMA journal_mode = {self.journal_mode}")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in _NOT_FOR_WRITING:
                raise availability.takes_no_writes(self._path) from error
            raise
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.create_aggregate("exact_sum", 1, ExactSum)  # type: ignore[arg-type]  # answers in text, which sqlite3 takes


class SqliteCopy(SqliteStorage):
    """A database that nobody else writes to, such as a dump; it stays a single file."""

    journal_mode = "DELETE"

    @contextmanager
    def snapshot(self) -> Iterator[SqliteSnapshot]:
        try:
            with self.system_transaction(write=False) as transaction:
                yield SqliteSnapshot(transaction, self._path)
        finally:
            self.dispose()
