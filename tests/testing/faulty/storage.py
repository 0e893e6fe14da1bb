"""Storages, each with one fault, over SQLite as the core ships it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, Update, event, text

from nestegg_core import Conflict, Finding, MigrationError, Storage, StorageUnavailable
from nestegg_core.database import SqlTransaction
from nestegg_core.database.sqlite import SqliteStorage
from nestegg_testing import StorageConformance


class FaultyConformance(StorageConformance):
    fault: ClassVar[type[SqliteStorage]] = SqliteStorage
    breaks: ClassVar[set[str]] = set()

    @pytest.fixture
    def subject(self, tmp_path: Path) -> Iterator[Storage]:
        storage = self.fault(tmp_path / "kit.sqlite3")
        yield storage
        storage.dispose()


# The schema.


class ChecksNothing(SqliteStorage):
    def check(self) -> Sequence[Finding]:
        return []


class TestChecksNothing(FaultyConformance):
    fault = ChecksNothing
    breaks: ClassVar = {"test_an_empty_database_stands_nowhere"}


class StartsAnew(SqliteStorage):
    def upgrade(self, revision: str = "head") -> None:
        self.dispose()
        self._path.unlink(missing_ok=True)
        super().upgrade(revision)


class TestStartsAnew(FaultyConformance):
    fault = StartsAnew
    breaks: ClassVar = {
        "test_an_empty_database_is_brought_to_head",
        "test_an_unknown_revision_is_refused",
        "test_a_database_of_a_newer_release_is_refused",
    }


class HidesFailures(SqliteStorage):
    def upgrade(self, revision: str = "head") -> None:
        with suppress(MigrationError):
            super().upgrade(revision)


class TestHidesFailures(FaultyConformance):
    fault = HidesFailures
    breaks: ClassVar = {
        "test_an_unknown_revision_is_refused",
        "test_a_database_of_a_newer_release_is_refused",
    }


class LeavesATableOut(SqliteStorage):
    def upgrade(self, revision: str = "head") -> None:
        super().upgrade(revision)
        with self.migrating() as connection:
            connection.execute(text("DROP TABLE IF EXISTS import_rows"))


class TestLeavesATableOut(FaultyConformance):
    fault = LeavesATableOut
    breaks: ClassVar = {"test_the_tables_are_those_that_the_core_declares"}


# The transaction scopes.


class LosesWrites(SqliteStorage):
    def end(self, connection: Connection, verb: str) -> None:
        del verb
        super().end(connection, "ROLLBACK")


class TestLosesWrites(FaultyConformance):
    fault = LosesWrites
    breaks: ClassVar = {"test_what_was_written_stays"}


class KeepsHalf(SqliteStorage):
    def end(self, connection: Connection, verb: str) -> None:
        del verb
        super().end(connection, "COMMIT")


class TestKeepsHalf(FaultyConformance):
    fault = KeepsHalf
    breaks: ClassVar = {
        "test_an_exception_takes_everything_back",
        "test_the_storage_serves_on_after_a_failed_statement",
        "test_a_broken_constraint_is_a_conflict",
    }


class ReadersWrite(SqliteStorage):
    def begin(self, connection: Connection, org_id: UUID | None, *, write: bool) -> None:
        super().begin(connection, org_id, write=write)
        connection.exec_driver_sql("PRAGMA query_only = OFF")


class TestReadersWrite(FaultyConformance):
    fault = ReadersWrite
    breaks: ClassVar = {"test_a_reading_transaction_cannot_write"}


class WritesWithinWrites(SqliteStorage):
    """Lends the transaction that is open to whoever asks for a second one."""

    lent: SqlTransaction | None = None

    @contextmanager
    def _open(self, org_id: UUID | None, *, write: bool) -> Iterator[SqlTransaction]:
        if write and self.lent is not None:
            yield self.lent
            return
        with super()._open(org_id, write=write) as transaction:
            self.lent = transaction if write else self.lent
            try:
                yield transaction
            finally:
                self.lent = None if write else self.lent


class TestWritesWithinWrites(FaultyConformance):
    fault = WritesWithinWrites
    breaks: ClassVar = {"test_a_write_inside_a_write_is_refused_at_once"}


class SystemIsAnOrganization(SqliteStorage):
    @contextmanager
    def system_transaction(self, *, write: bool) -> Iterator[SqlTransaction]:
        with self.transaction(UUID(int=0), write=write) as transaction:
            yield transaction


class TestSystemIsAnOrganization(FaultyConformance):
    fault = SystemIsAnOrganization
    breaks: ClassVar = {"test_only_a_transaction_of_an_organization_has_one"}


class BindsThePrevious(SqliteStorage):
    previous: UUID | None = None

    @contextmanager
    def transaction(self, org_id: UUID, *, write: bool) -> Iterator[SqlTransaction]:
        bound, self.previous = self.previous or org_id, org_id
        with super().transaction(bound, write=write) as transaction:
            yield transaction


class TestBindsThePrevious(FaultyConformance):
    fault = BindsThePrevious
    breaks: ClassVar = {
        "test_the_organization_is_bound_in_every_statement",
        "test_many_threads_read_and_write",
    }


class CallsItUnavailable(SqliteStorage):
    @contextmanager
    def transaction(self, org_id: UUID, *, write: bool) -> Iterator[SqlTransaction]:
        try:
            with super().transaction(org_id, write=write) as transaction:
                yield transaction
        except Conflict as error:
            raise StorageUnavailable("try again") from error


class TestCallsItUnavailable(FaultyConformance):
    fault = CallsItUnavailable
    breaks: ClassVar = {"test_a_broken_constraint_is_a_conflict"}


class OneAtATime(SqliteStorage):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lock = Lock()

    @contextmanager
    def transaction(self, org_id: UUID, *, write: bool) -> Iterator[SqlTransaction]:
        if not self.lock.acquire(blocking=False):
            raise StorageUnavailable("busy")
        try:
            with super().transaction(org_id, write=write) as transaction:
                yield transaction
        finally:
            self.lock.release()


class TestOneAtATime(FaultyConformance):
    fault = OneAtATime
    breaks: ClassVar = {
        "test_a_reader_sees_what_is_committed",
        "test_many_threads_read_and_write",
    }


class TestClaimsRowLevelSecurity(FaultyConformance):
    row_level_security = True
    breaks: ClassVar = {"test_row_level_security_is_a_second_wall"}


class EndsForGood(SqliteStorage):
    over = False

    def dispose(self) -> None:
        super().dispose()
        self.over = True

    def make_engine(self) -> Engine:
        if self.over:
            raise RuntimeError("disposed of")
        return super().make_engine()


class TestEndsForGood(FaultyConformance):
    fault = EndsForGood
    breaks: ClassVar = {"test_ping_and_dispose"}


# Values.


class Converting(SqlTransaction):
    """Reads other values than were written."""

    __slots__ = ()

    def rows(self, statement: Any, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        return [[self.converted(one) for one in row] for row in super().rows(statement, parameters)]

    def converted(self, value: Any) -> Any:
        return value


class ConvertingStorage(SqliteStorage):
    kind: ClassVar[type[SqlTransaction]] = Converting

    @contextmanager
    def transaction(self, org_id: UUID, *, write: bool) -> Iterator[SqlTransaction]:
        with super().transaction(org_id, write=write) as transaction:
            yield self.kind(self, transaction._connection, org_id)


class Floats(ConvertingStorage):
    class kind(Converting):  # noqa: N801 - the value of an attribute
        __slots__ = ()

        def converted(self, value: Any) -> Any:
            return float(value) if isinstance(value, Decimal) else value


class TestFloats(FaultyConformance):
    fault = Floats
    breaks: ClassVar = {"test_money_is_exact", "test_sums_are_exact"}


class FloatSum:
    def __init__(self) -> None:
        self.total = 0.0
        self.counted = False

    def step(self, value: int) -> None:
        self.total, self.counted = self.total + value, True

    def finalize(self) -> str | None:
        return str(int(self.total)) if self.counted else None


class SumsFloats(SqliteStorage):
    def make_engine(self) -> Engine:
        engine = super().make_engine()

        @event.listens_for(engine, "connect")
        def replace_sum(connection: Any, _: Any) -> None:
            connection.create_aggregate("exact_sum", 1, FloatSum)

        return engine


class TestSumsFloats(FaultyConformance):
    fault = SumsFloats
    breaks: ClassVar = {"test_sums_are_exact"}


class Rounds(ConvertingStorage):
    class kind(SqlTransaction):  # noqa: N801 - the value of an attribute
        __slots__ = ()

        def execute(self, statement: Any, parameters: Any = None) -> Any:
            if isinstance(parameters, list):
                parameters = [{name: _rounded(v) for name, v in p.items()} for p in parameters]
            return super().execute(statement, parameters)


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, Decimal) and abs(value) < 1 else value


class TestRounds(FaultyConformance):
    fault = Rounds
    breaks: ClassVar = {"test_an_amount_is_never_rounded"}


class RunsOnce(ConvertingStorage):
    class kind(SqlTransaction):  # noqa: N801 - the value of an attribute
        __slots__ = ("run",)

        def execute(self, statement: Any, parameters: Any = None) -> Any:
            known = getattr(self, "run", None)
            if isinstance(statement, Update):
                self.run = statement
            return None if known is statement else super().execute(statement, parameters)


class TestRunsOnce(FaultyConformance):
    fault = RunsOnce
    breaks: ClassVar = {"test_an_amount_is_added_in_the_database"}


class ForgetsZones(ConvertingStorage):
    class kind(Converting):  # noqa: N801 - the value of an attribute
        __slots__ = ()

        def converted(self, value: Any) -> Any:
            return value.replace(tzinfo=None) if isinstance(value, datetime) else value


class TestForgetsZones(FaultyConformance):
    fault = ForgetsZones
    breaks: ClassVar = {"test_moments_are_aware_and_in_utc"}


class TextsForIds(ConvertingStorage):
    class kind(Converting):  # noqa: N801 - the value of an attribute
        __slots__ = ()

        def converted(self, value: Any) -> Any:
            return str(value) if isinstance(value, UUID) else value


class TestTextsForIds(FaultyConformance):
    fault = TextsForIds
    breaks: ClassVar = {"test_other_values_come_back_as_they_were"}


# Several at once.


class LocksNothing(SqliteStorage):
    def begin(self, connection: Connection, org_id: UUID | None, *, write: bool) -> None:
        del org_id
        connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if write else 'ON'}")
        connection.exec_driver_sql("BEGIN")


class TestLocksNothing(FaultyConformance):
    fault = LocksNothing
    breaks: ClassVar = {
        "test_a_lock_keeps_others_of_its_name_waiting",
        "test_writers_under_a_lock_lose_no_update",
    }


class Impatient(SqliteStorage):
    def begin(self, connection: Connection, org_id: UUID | None, *, write: bool) -> None:
        connection.exec_driver_sql("PRAGMA busy_timeout = 100")
        super().begin(connection, org_id, write=write)


class TestClaimsConcurrentWriters(FaultyConformance):
    fault = Impatient
    concurrent_writers = True
    breaks: ClassVar = {"test_writers_of_different_organizations_do_not_wait"}
