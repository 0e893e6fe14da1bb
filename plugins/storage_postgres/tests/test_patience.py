"""Nobody waits for ever: for a connection, for a statement, or for a server that is frozen."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from nestegg_storage_postgres.storage import PostgresStorage
from sqlalchemy import select, text

from nestegg_core import StorageUnavailable, Transaction
from nestegg_core.database import metadata
from support.postgres import APPLICATION, OWNER, Postgres

PATIENCE = 60
BACKEND = text("SELECT pg_backend_pid()")
organizations = metadata.tables["organizations"]


@pytest.fixture
def impatient(postgres: Postgres, database: str) -> Iterator[PostgresStorage]:
    """A storage with two connections at most, whose statements may take a second."""
    storage = PostgresStorage(
        postgres.url(database, APPLICATION),
        admin_url=postgres.url(database, OWNER),
        pool_size=1,
        max_overflow=1,
        pool_timeout=1,
        statement_seconds=1,
    )
    yield storage
    storage.dispose()


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop one backend of the server, as a disk that hangs does."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_when_all_connections_are_in_use_the_next_caller_is_told_so_and_later_served(
    impatient: PostgresStorage,
) -> None:
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(impatient.system_transaction(write=False))
        with pytest.raises(StorageUnavailable, match="in use"):
            impatient.ping()

    impatient.ping()


def test_a_statement_that_takes_too_long_is_cancelled_and_its_connection_stays(
    impatient: PostgresStorage,
) -> None:
    with impatient.system_transaction(write=False) as tx:
        before = tx.execute(BACKEND).scalar_one()

    with (
        pytest.raises(StorageUnavailable),
        impatient.system_transaction(write=False) as tx,
    ):
        tx.execute(text("SELECT pg_sleep(60)"))

    with impatient.system_transaction(write=False) as tx:
        assert tx.execute(BACKEND).scalar_one() == before


@pytest.mark.parametrize(
    "statement",
    [
        lambda tx: tx.execute(text("SELECT 1")),
        lambda tx: tx.rows(select(organizations.c.id), {}),
        lambda tx: tx.lock("a name"),
        lambda _: None,
    ],
    ids=["execute", "rows", "lock", "commit"],
)
def test_a_frozen_server_fails_the_call_and_not_the_next_one(
    impatient: PostgresStorage, statement: Callable[[Transaction], object]
) -> None:
    def ask() -> None:
        with impatient.system_transaction(write=True) as tx:
            freezing.enter_context(frozen(tx.execute(BACKEND).scalar_one()))
            statement(tx)

    with ExitStack() as freezing, ThreadPoolExecutor(1) as pool:
        with pytest.raises(StorageUnavailable):
            pool.submit(ask).result(PATIENCE)
        impatient.ping()  # with another connection, while the first is still frozen


def test_a_server_that_froze_in_the_pool_is_noticed_at_the_beginning(
    impatient: PostgresStorage,
) -> None:
    with impatient.system_transaction(write=False) as tx:
        pid = tx.execute(BACKEND).scalar_one()

    with frozen(pid), ThreadPoolExecutor(1) as pool:
        pool.submit(impatient.ping).result(PATIENCE)
