"""The demo household: real statements, read without a doubt, and never twice."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest

from nestegg_core.application import Runtime
from nestegg_core.contracts.importers import StatementFile
from nestegg_core.demo import DemoHousehold, fill
from nestegg_core.demo.life import CARD, CHECKING, FORMATS, OPENING, SAVINGS, bookings
from nestegg_core.importers.csv.importer import CsvImporter

START, TODAY = date(2025, 4, 1), date(2026, 6, 17)


@pytest.mark.parametrize("account", [CHECKING, SAVINGS, CARD])
def test_the_importer_reads_what_the_bank_wrote(account: str) -> None:
    lived = [booking for booking in bookings(START, TODAY) if booking.account == account]
    form = FORMATS[account]

    statement = CsvImporter().read(StatementFile(form.render(lived), form.file_name), {})

    assert statement.warnings == []
    assert not any(row.problems for row in statement.rows)
    assert Counter((row.date, row.amount) for row in statement.rows) == Counter(
        (booking.day, booking.amount) for booking in lived
    )
    assert {row.payee for row in statement.rows} == {booking.payee for booking in lived}
    assert {row.category for row in statement.rows} == {booking.category for booking in lived}


def test_the_banks_write_in_different_ways() -> None:
    files = [FORMATS[name].render(bookings(START, TODAY)) for name in FORMATS]
    decided = [CsvImporter().read(StatementFile(file), {}).decisions for file in files]

    assert [one["date_format"] for one in decided] == ["%d.%m.%Y", "%Y-%m-%d", "%m/%d/%Y"]
    assert [one["decimal_mark"] for one in decided] == [",", ".", "."]


def test_there_is_more_than_a_year_and_several_hundred_rows(fresh_runtime: Runtime) -> None:
    fresh_runtime.storage.upgrade()
    fresh_runtime.check_keys()

    household = fill(fresh_runtime, TODAY)

    days = [item["date"] for item in newest(fresh_runtime, household)]
    assert sum(household.imported.values()) > 300
    assert max(days) > TODAY - timedelta(days=7)
    with fresh_runtime.storage.transaction(household.org_id, write=False) as tx:
        accounts = fresh_runtime.accounts.page(tx, limit=10, after=None).items
    assert {one["opening_date"] for one in accounts} == {START}


def test_balances_are_what_was_lived(fresh_runtime: Runtime) -> None:
    fresh_runtime.storage.upgrade()
    fresh_runtime.check_keys()

    household = fill(fresh_runtime, TODAY)

    with fresh_runtime.storage.transaction(household.org_id, write=False) as tx:
        accounts = fresh_runtime.accounts.page(tx, limit=10, after=None).items
        imports = fresh_runtime.imports.page(tx, limit=10, after=None).items
    lived = bookings(START, TODAY)
    for account in accounts:
        moved = sum(b.amount for b in lived if b.account == account["name"])
        assert Decimal(account["balance"]) == OPENING[account["name"]] + moved
    told = [one["reconciliation"] for one in imports if one["reconciliation"]]
    assert [one["difference"] for one in told] == ["0.00", "0.00"]


def test_every_row_has_its_category(fresh_runtime: Runtime) -> None:
    fresh_runtime.storage.upgrade()
    fresh_runtime.check_keys()

    household = fill(fresh_runtime, TODAY)

    assert all(item["category_id"] for item in newest(fresh_runtime, household))


def test_filling_it_later_adds_what_has_happened_since(fresh_runtime: Runtime) -> None:
    fresh_runtime.storage.upgrade()
    fresh_runtime.check_keys()
    later = TODAY + timedelta(days=45)

    first = fill(fresh_runtime, TODAY)
    second = fill(fresh_runtime, later)
    third = fill(fresh_runtime, later)

    since = len(bookings(START, later)) - len(bookings(START, TODAY))
    assert first.org_id == second.org_id == third.org_id
    assert sum(second.imported.values()) == since
    assert sum(third.imported.values()) == 0


def test_its_password_is_what_is_printed_even_when_it_was_changed(fresh_runtime: Runtime) -> None:
    fresh_runtime.storage.upgrade()
    fresh_runtime.check_keys()
    household = fill(fresh_runtime, TODAY)
    fresh_runtime.users.reset_password(household.email, "something else")

    again = fill(fresh_runtime, TODAY)

    assert fresh_runtime.sign_in.with_password(again.email, again.password)


def newest(runtime: Runtime, household: DemoHousehold) -> list[dict[str, object]]:
    with runtime.storage.transaction(household.org_id, write=False) as tx:
        return list(runtime.transactions.page(tx, {}, limit=1000, after=None).items)
