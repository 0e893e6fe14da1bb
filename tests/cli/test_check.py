"""`nestegg check books`: balance = opening balance + sum, or exit code 1."""

import json
from decimal import Decimal

from sqlalchemy import update

from nestegg_core.application import Runtime
from nestegg_core.database.tables import accounts, in_org
from nestegg_core.demo import fill
from support.command_line import CommandLine


def test_books_that_balance_are_said_to(fresh_nestegg: CommandLine, fresh_runtime: Runtime) -> None:
    fresh_runtime.storage.upgrade()
    fresh_runtime.check_keys()
    fill(fresh_runtime, fresh_runtime.clock().date())

    result = fresh_nestegg("check", "books")

    assert (result.exit_code, result.stdout) == (0, "The books balance: 3 accounts checked.\n")


def test_an_account_that_differs_is_named(
    fresh_nestegg: CommandLine, fresh_runtime: Runtime
) -> None:
    fresh_runtime.storage.upgrade()
    fresh_runtime.check_keys()
    household = fill(fresh_runtime, fresh_runtime.clock().date())
    with fresh_runtime.storage.transaction(household.org_id, write=True) as tx:
        spoilt = accounts.c.name == "Savings"
        tx.execute(
            update(accounts)
            .where(in_org(accounts), spoilt)
            .values(balance=accounts.c.balance + Decimal("0.01"))
        )

    result = fresh_nestegg("check", "books", "--json")
    shown = fresh_nestegg("check", "books")

    (difference,) = json.loads(result.stdout)["differences"]
    assert (result.exit_code, shown.exit_code) == (1, 1)
    assert difference["name"] == "Savings"
    wrong = Decimal(difference["balance"]) - Decimal(difference["expected"])
    assert wrong == Decimal("0.01")
    assert difference["account_id"] in shown.stdout
    assert "1 account of 3 differ" in shown.stdout
