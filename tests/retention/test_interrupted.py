"""A run that is killed, or that is not alone, leaves what one left to itself would leave."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest

from nestegg_core import Expire, Hold
from nestegg_core.application import Runtime
from nestegg_core.ledger.balances import check_books
from support.purging import Account, Booked, Told, day, engine, read, store

PROGRAM = """
import sys
from uuid import UUID
from sqlalchemy import event
from nestegg_core import Expire
from nestegg_core.application import start
from nestegg_core.settings import Environment
from support.purging import Told, day, engine

org_id, statement, occurrence = UUID(sys.argv[1]), sys.argv[2], int(sys.argv[3])
runtime = start(Environment.read(dotenv=None))
seen = 0

@event.listens_for(runtime.storage.engine, "after_cursor_execute")
def wait_to_be_killed(_connection, _cursor, executed, _parameters, _context, _many):
    global seen
    seen += executed.startswith(statement)
    if seen == occurrence:
        print("here", flush=True)
        sys.stdin.read()

policy = Told(org_id, [Expire("transaction", day(30))])
engine(runtime.storage, {"told": policy}, max_batch=4).run(live=True, started_by="killed")
"""
ROWS = 40


def household() -> list[Account]:
    """Two accounts with an old row on each of some days, and a younger one."""
    return [
        Account(Decimal("10.00"), None, [Booked(number, Decimal(number)) for number in range(ROWS)])
        for _ in range(2)
    ]


def state(runtime: Runtime, org_id: UUID) -> Sequence[Any]:
    """Return what the books hold, whatever the ids."""
    books = read(runtime.storage, org_id)
    columns = ("opening_balance", "opening_date", "purged_until", "balance", "version")
    return [
        (
            [getattr(account, name) for name in columns],
            sorted((row.date, row.amount) for row in books.rows[account.id]),
            books.carried[account.id],
        )
        for account in books.accounts.values()
    ]


def purged(runtime: Runtime, org_id: UUID) -> list[tuple[str, int]]:
    """Return who has purged how many, by the receipts."""
    with runtime.storage.transaction(org_id, write=False) as tx:
        items, _ = runtime.receipts.page(tx, limit=10, after=None)
    return [(item["started_by"], item["transactions"]) for item in items]


def purge(runtime: Runtime, org_id: UUID) -> int:
    policy = Told(org_id, [Expire("transaction", day(30))])
    retention = engine(runtime.storage, {"told": policy}, max_batch=4)
    return retention.run(live=True, started_by="next", org_id=org_id).transactions


@pytest.mark.parametrize(
    ("statement", "occurrence", "committed"),
    [
        ("DELETE FROM transactions", 10, 34),
        ("UPDATE accounts", 3, 8),
        ("INSERT INTO retention_receipt_accounts", 2, 30),
    ],
)
def test_a_run_killed_inside_a_batch_and_started_again_ends_the_same(
    runtime: Runtime,
    variables: dict[str, str],
    statement: str,
    occurrence: int,
    committed: int,
) -> None:
    undisturbed, org_id = store(runtime.storage, household()), store(runtime.storage, household())
    assert purge(runtime, undisturbed) == 60

    tests = Path(__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(org_id), statement, str(occurrence)],
        env={**os.environ, **variables, "PYTHONPATH": str(tests)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "here\n"
        process.kill()

    assert sum(number for _, number in purged(runtime, org_id)) == committed
    assert check_books(runtime.storage).differences == []
    assert purge(runtime, org_id) == 60 - committed
    assert state(runtime, org_id) == state(runtime, undisturbed)
    assert purged(runtime, org_id) == [("next", 60 - committed), ("killed", committed)]


class Together:
    """A policy that lets nobody go on before all have asked it."""

    def __init__(self, decision: Told, runs: int) -> None:
        self._decision = decision
        self._barrier = Barrier(runs)

    def decide(self, org_id: UUID, today: date) -> Sequence[Expire | Hold]:
        self._barrier.wait(timeout=30)
        return self._decision.decide(org_id, today)


def test_two_runs_at_once_do_what_one_does(runtime: Runtime) -> None:
    undisturbed, org_id = store(runtime.storage, household()), store(runtime.storage, household())
    purge(runtime, undisturbed)
    told = Told(org_id, [Expire("transaction", day(30))])
    together = Together(told, 2)

    def run(name: str) -> int:
        retention = engine(runtime.storage, {"told": together}, max_batch=2)
        return retention.run(live=True, started_by=name, org_id=org_id).transactions

    with ThreadPoolExecutor() as pool:
        deleted = dict(zip("ab", pool.map(run, "ab"), strict=True))

    assert sum(deleted.values()) == 60
    assert dict(purged(runtime, org_id)) == {name: n for name, n in deleted.items() if n}
    assert check_books(runtime.storage).differences == []
    ours, theirs = state(runtime, org_id), state(runtime, undisturbed)
    assert [(one[0][:4], one[1:]) for one in ours] == [(one[0][:4], one[1:]) for one in theirs]


def test_rows_that_come_meanwhile_are_booked_and_kept(runtime: Runtime) -> None:
    org_id = store(runtime.storage, household())
    with runtime.storage.transaction(org_id, write=False) as tx:
        account = runtime.accounts.page(tx, limit=1, after=None).items[0]
    values = {
        "account_id": account["id"],
        "date": day(35),
        "amount": Decimal(1),
        "payee": "Bakery",
        "description": "",
        "category_id": None,
        "status": "posted",
        "notes": None,
        "external_id": "",
    }
    booked = []

    def book(_: int) -> None:
        with runtime.storage.transaction(org_id, write=True) as tx:
            booked.append(runtime.transactions.create(tx, values)["id"])

    policy = Told(org_id, [Expire("transaction", day(30))])
    retention = engine(runtime.storage, {"told": policy}, max_batch=7)
    retention.run(live=True, started_by="test", org_id=org_id, on_progress=book)

    assert len(booked) > 3
    assert set(booked) <= set(read(runtime.storage, org_id).ids)
    assert check_books(runtime.storage).differences == []
