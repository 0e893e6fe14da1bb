"""Connections that die, servers that are away, and transactions that get in each other's way."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from nestegg_storage_postgres.storage import PostgresStorage
from sqlalchemy import bindparam, select, text, update

from nestegg_core import Conflict, StorageUnavailable, Transaction
from nestegg_core.database import in_org, metadata
from support.postgres import Postgres
from support.postgres_storage import organization

categories = metadata.tables["categories"]
organizations = metadata.tables["organizations"]

BACKEND = text("SELECT pg_backend_pid()")
RENAME = update(organizations).where(organizations.c.id == bindparam("row_id"))


def backend(storage: PostgresStorage) -> int:
    with storage.system_transaction(write=False) as tx:
        return int(tx.execute(BACKEND).scalar_one())


def kill(postgres: Postgres, pid: int) -> None:
    """End a connection from the server's side, and wait until it has gone."""
    postgres.execute(f"SELECT pg_terminate_backend({pid}, 5000)")


def read_kinds(tx: Transaction) -> list[str]:
    return list(tx.execute(select(categories.c.kind).where(in_org(categories))).scalars())


def test_a_connection_that_died_in_the_pool_is_replaced_unnoticed(
    storage: PostgresStorage, postgres: Postgres
) -> None:
    org_id = organization(storage)
    for _ in range(3):
        old = backend(storage)
        kill(postgres, old)
        with storage.transaction(org_id, write=False) as tx:
            assert read_kinds(tx) == ["expense"]
        assert backend(storage) != old


def test_all_connections_that_died_at_once_are_replaced_unnoticed(
    storage: PostgresStorage, postgres: Postgres
) -> None:
    with (
        storage.system_transaction(write=False) as one,
        storage.system_transaction(write=False) as other,
    ):
        pids = [tx.execute(BACKEND).scalar_one() for tx in (one, other)]
    for pid in pids:
        kill(postgres, pid)
    with storage.system_transaction(write=False), storage.system_transaction(write=False) as tx:
        assert tx.execute(text("SELECT 1")).scalar_one() == 1


Statement = Callable[[PostgresStorage, Transaction], object]


@pytest.mark.parametrize(
    "statement",
    [
        lambda _, tx: tx.execute(text("SELECT 1")),
        lambda _, tx: tx.rows(select(organizations.c.id), {}),
        lambda _, tx: tx.lock("a name"),
        lambda _storage, _tx: None,
    ],
    ids=["execute", "rows", "lock", "commit"],
)
def test_a_connection_that_dies_in_a_transaction_is_unavailable_and_then_replaced(
    storage: PostgresStorage, postgres: Postgres, statement: Statement
) -> None:
    org_id = organization(storage)

    def interrupted() -> None:
        with storage.transaction(org_id, write=True) as tx:
            tx.execute(update(categories).where(in_org(categories)).values(kind="income"))
            kill(postgres, tx.execute(BACKEND).scalar_one())
            statement(storage, tx)

    with pytest.raises(StorageUnavailable):
        interrupted()
    with storage.transaction(org_id, write=False) as tx:
        assert read_kinds(tx) == ["expense"]


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        url = f"postgresql://somebody:a-password@127.0.0.1:{port}/nowhere"
        storage = PostgresStorage(url, admin_url=url, pool_size=1, max_overflow=0)
        for attempt in (storage.ping, storage.current_revision, storage.upgrade):
            with pytest.raises(StorageUnavailable) as raised:
                attempt()
            assert "a-password" not in str(raised.value)


def test_a_full_pool_is_unavailable_after_waiting(postgres: Postgres, database: str) -> None:
    url = postgres.url(database, postgres.superuser.username or "")
    storage = PostgresStorage(url, admin_url=url, pool_size=1, max_overflow=0)
    storage.engine.pool._timeout = 0.1  # type: ignore[attr-defined]  # instead of 30 seconds
    with storage.system_transaction(write=False), pytest.raises(StorageUnavailable):
        storage.ping()
    storage.ping()
    storage.dispose()


def rename_both(storage: PostgresStorage, barrier: Barrier, ids: tuple[UUID, UUID]) -> str:
    """Rename two organizations, waiting in between for the other that does so."""
    try:
        with storage.system_transaction(write=True) as tx:
            tx.execute(RENAME.values(name="Renamed"), {"row_id": ids[0]})
            barrier.wait(timeout=10)
            tx.execute(RENAME.values(name="Renamed"), {"row_id": ids[1]})
    except Conflict as error:
        return error.code
    return "committed"


def test_of_two_transactions_in_a_deadlock_one_is_told_of_a_conflict(
    storage: PostgresStorage, postgres: Postgres, database: str
) -> None:
    postgres.execute(f"ALTER DATABASE {database} SET deadlock_timeout = '50ms'")
    storage.dispose()
    first, second = organization(storage), organization(storage)
    barrier = Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        outcomes = [
            pool.submit(rename_both, storage, barrier, ids)
            for ids in ((first, second), (second, first))
        ]
        assert sorted(one.result() for one in outcomes) == ["committed", "concurrent-change"]


def test_a_named_lock_keeps_another_transaction_waiting(storage: PostgresStorage) -> None:
    order = []

    def second() -> None:
        with storage.system_transaction(write=True) as tx:
            tx.lock("a name")
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with storage.system_transaction(write=True) as tx:
            tx.lock("a name")
            waiting = pool.submit(second)
            while not tx.execute(
                text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            ).scalar_one():
                assert not waiting.done()
            order.append("first")
        waiting.result(timeout=10)
    assert order == ["first", "second"]


def test_a_transaction_that_swallows_an_error_does_not_pretend_to_have_committed(
    storage: PostgresStorage,
) -> None:
    org_id = organization(storage)

    def swallow() -> None:
        with storage.transaction(org_id, write=True) as tx:
            tx.execute(update(categories).where(in_org(categories)).values(kind="income"))
            with pytest.raises(Exception, match="nowhere"):
                tx.execute(text("SELECT nonsense FROM nowhere"))

    with pytest.raises(RuntimeError, match="nothing of the transaction was stored"):
        swallow()
    with storage.transaction(org_id, write=False) as tx:
        assert read_kinds(tx) == ["expense"]


def test_moments_are_read_in_utc_whatever_the_role_prefers(
    storage: PostgresStorage, postgres: Postgres, database: str
) -> None:
    org_id = organization(storage)
    postgres.execute(f"ALTER DATABASE {database} SET timezone = 'Asia/Kathmandu'")
    storage.dispose()
    with storage.transaction(org_id, write=False) as tx:
        [[moment]] = tx.rows(select(categories.c.created_at).where(in_org(categories)), {})
    assert moment.isoformat() == "2026-01-31T00:00:00+00:00"
