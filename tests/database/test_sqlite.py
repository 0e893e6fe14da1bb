"""What only the embedded storage can get wrong: its locks, and its file."""

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import insert, select, text, update

from nestegg_core.database.sqlite import SqliteStorage
from nestegg_core.database.tables import denied_tokens, instance_secrets
from nestegg_core.database.types import new_id
from nestegg_core.errors import Conflict, MigrationError, StorageUnavailable

ORPHAN = text(
    "INSERT INTO credentials (user_id, email_index, password_hash, changed_at) "
    "VALUES (:id, :id, 'x', '2026-01-01')"
)
COUNTER = instance_secrets.c.value


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    made = SqliteStorage(tmp_path / "deeper" / "nestegg.sqlite3")
    made.upgrade()
    with made.system_transaction(write=True) as tx:
        tx.execute(insert(instance_secrets), {"name": "counter", "value": "0"})
    yield made
    made.dispose()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, storage: SqliteStorage) -> SqliteStorage:
    """A storage whose new connections do not wait for a lock."""
    storage.dispose()
    monkeypatch.setattr("nestegg_core.database.sqlite.BUSY_SECONDS", 0)
    return storage


def counter(storage: SqliteStorage) -> int:
    with storage.system_transaction(write=False) as tx:
        return int(tx.execute(select(COUNTER)).scalar_one())


def count_up(storage: SqliteStorage) -> None:
    with storage.system_transaction(write=True) as tx:
        value = int(tx.execute(select(COUNTER)).scalar_one())
        tx.execute(update(instance_secrets).values(value=str(value + 1)))


def test_writers_that_read_first_take_turns(storage: SqliteStorage) -> None:
    barrier = Barrier(8)

    def run() -> None:
        barrier.wait()
        for _ in range(5):
            count_up(storage)

    with ThreadPoolExecutor(8) as pool:
        for outcome in [pool.submit(run) for _ in range(8)]:
            outcome.result()
    assert counter(storage) == 40


def test_a_writer_that_waits_too_long_is_told_so(impatient: SqliteStorage) -> None:
    with ThreadPoolExecutor(1) as pool, impatient.system_transaction(write=True):
        waiting = pool.submit(count_up, impatient)
        with pytest.raises(StorageUnavailable):
            waiting.result(timeout=8)
    count_up(impatient)
    assert counter(impatient) == 1


def test_readers_do_not_wait_for_a_writer(impatient: SqliteStorage) -> None:
    with impatient.system_transaction(write=True) as tx:
        tx.execute(update(instance_secrets).values(value="7"))
        assert counter(impatient) == 0
    assert counter(impatient) == 7


def test_a_reader_sees_one_state_throughout(storage: SqliteStorage) -> None:
    with storage.system_transaction(write=False) as tx:
        before = tx.execute(select(COUNTER)).scalar_one()
        count_up(storage)
        assert tx.execute(select(COUNTER)).scalar_one() == before
    assert counter(storage) == 1


def insert_orphan(storage: SqliteStorage) -> None:
    with storage.system_transaction(write=True) as tx:
        tx.execute(ORPHAN, {"id": new_id().hex})


def test_foreign_keys_hold_again_after_a_migration(storage: SqliteStorage) -> None:
    with storage.migrating() as connection:
        connection.execute(text("SELECT 1"))
    with pytest.raises(Conflict):
        insert_orphan(storage)


def test_foreign_keys_hold_again_after_a_migration_that_did_not_get_its_lock(
    impatient: SqliteStorage,
) -> None:
    with (
        impatient.system_transaction(write=True),
        pytest.raises(StorageUnavailable),
    ):
        impatient.upgrade("0001")
    with pytest.raises(Conflict):
        insert_orphan(impatient)


def test_a_migration_that_breaks_a_reference_is_rolled_back(storage: SqliteStorage) -> None:
    def migrate() -> None:
        with storage.migrating() as connection:
            connection.execute(ORPHAN, {"id": new_id().hex})

    with pytest.raises(MigrationError, match="a row of credentials would refer to one of users"):
        migrate()
    with storage.system_transaction(write=False) as tx:
        assert tx.execute(text("SELECT count(*) FROM credentials")).scalar_one() == 0


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "nestegg.sqlite3"
    path.write_bytes(b"this is not a database, and long enough to be looked at" * 100)
    storage = SqliteStorage(path)
    with pytest.raises(StorageUnavailable):
        storage.ping()
    storage.dispose()


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "nestegg.sqlite3").mkdir()
    storage = SqliteStorage(tmp_path / "nestegg.sqlite3")
    with pytest.raises(StorageUnavailable):
        storage.ping()
    storage.dispose()


def test_every_write_is_on_disk_when_it_is_answered(storage: SqliteStorage) -> None:
    with storage.system_transaction(write=True) as tx:
        assert tx.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        full = 2
        assert tx.execute(text("PRAGMA synchronous")).scalar_one() == full


def test_other_programs_read_the_file_meanwhile(storage: SqliteStorage, tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "nestegg.sqlite3"
    with storage.system_transaction(write=True) as tx:
        tx.execute(text("SELECT 1"))
        with sqlite3.connect(path) as other:
            assert other.execute(f"SELECT count(*) FROM {denied_tokens.name}").fetchone() == (0,)  # noqa: S608 - our own name
        other.close()


def test_the_file_its_journals_and_a_new_folder_are_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        storage = SqliteStorage(tmp_path / "home" / "nestegg.sqlite3")
        storage.upgrade()
        with storage.system_transaction(write=True) as tx:
            tx.execute(insert(instance_secrets), {"name": "counter", "value": "0"})
        files = list((tmp_path / "home").iterdir())
        assert {one.suffix for one in files} == {".sqlite3", ".sqlite3-wal", ".sqlite3-shm"}
        assert {one.stat().st_mode & 0o777 for one in files} == {0o600}
        assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
        storage.dispose()
    finally:
        os.umask(before)
