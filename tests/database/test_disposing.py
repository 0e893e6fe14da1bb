"""Connections are closed by whoever is done with them, never left to the collector."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from nestegg_core.application import Runtime
from nestegg_core.database.sql_storage import SqlStorage, SqlTransaction


class Connections:
    """Counts what a storage's engines open and close."""

    def __init__(self) -> None:
        self.engines: list[Engine] = []
        self.open: list[Any] = []

    def follow(self, make_engine: Callable[[], Engine]) -> Engine:
        engine = make_engine()
        self.engines.append(engine)
        event.listen(engine, "connect", lambda made, _record: self.open.append(made))
        event.listen(engine, "close", lambda gone, _record: self.open.remove(gone))
        return engine


@pytest.fixture
def storage(fresh_runtime: Runtime) -> SqlStorage:
    made = fresh_runtime.storage
    assert isinstance(made, SqlStorage)
    made.upgrade()
    made.dispose()
    return made


@pytest.fixture
def connections(storage: SqlStorage, monkeypatch: pytest.MonkeyPatch) -> Connections:
    followed, make_engine = Connections(), storage.make_engine
    monkeypatch.setattr(storage, "make_engine", lambda: followed.follow(make_engine))
    return followed


def ask(tx: SqlTransaction) -> None:
    assert tx.execute(text("SELECT 1")).scalar_one() == 1


def test_threads_that_come_first_at_the_same_moment_share_one_pool(
    storage: SqlStorage, connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, make_engine = Barrier(2), storage.make_engine

    def made_together() -> Engine:
        with suppress(BrokenBarrierError):  # the other one is kept from making its own
            both.wait(timeout=0.5)
        return make_engine()

    monkeypatch.setattr(storage, "make_engine", made_together)
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(storage.ping) for _ in range(2)]:
            done.result(timeout=30)

    assert len(connections.engines) == 1
    storage.dispose()
    assert connections.open == []


def test_a_connection_that_is_in_use_meanwhile_is_closed_when_it_is_given_back(
    storage: SqlStorage, connections: Connections
) -> None:
    with storage.system_transaction(write=False) as tx:
        storage.dispose()
        ask(tx)
        assert len(connections.open) == 1

    assert connections.open == []


def test_one_that_is_in_use_while_a_dead_one_is_replaced_is_closed_as_well(
    storage: SqlStorage, connections: Connections
) -> None:
    begin, tries = storage.begin, count()
    storage.ping()

    def dead(connection: Any, *rest: Any, **more: Any) -> None:
        if next(tries) == 0:
            connection.invalidate()
            raise RuntimeError("the connection is dead")
        begin(connection, *rest, **more)

    with storage.system_transaction(write=False) as held:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(storage, "begin", dead)
            with storage.system_transaction(write=False) as tx:
                ask(tx)
        ask(held)

    assert len(connections.open) == 1  # the one that came in its place, in the pool
    storage.dispose()
    assert connections.open == []
