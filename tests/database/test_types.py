"""Column types that mean the same on every database."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlalchemy.exc import StatementError

from nestegg_core.application import Runtime
from nestegg_core.database import in_org
from nestegg_core.database.tables import accounts, organizations, transactions
from nestegg_core.database.types import exact_sum, new_id
from nestegg_core.errors import NestEggError

LIMIT = Decimal(10) ** 14
NOW = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
STAMPS = {"created_at": NOW, "updated_at": NOW, "version": 1}

amounts = st.decimals(-LIMIT, LIMIT, places=4) | st.decimals(-100, 100, places=2)


class Undo(NestEggError):
    """Ends a transaction that nothing shall stay of."""


@pytest.fixture(scope="module")
def org_id(runtime: Runtime) -> UUID:
    made = new_id()
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(insert(organizations), {"id": made, "name": "x", **STAMPS})
    return made


def account(org_id: UUID, amount: Decimal) -> dict[str, Any]:
    texts = {"name": "x", "type": "cash", "currency": "EUR", "institution": ""}
    money = {"opening_balance": amount, "balance": amount}
    return {"org_id": org_id, "id": new_id(), **texts, **money, **STAMPS}


def transaction(account: dict[str, Any], amount: Decimal) -> dict[str, Any]:
    texts = dict.fromkeys(("payee", "description", "search_text", "external_id"), "")
    ids = {"org_id": account["org_id"], "id": new_id(), "account_id": account["id"]}
    return {
        **ids,
        **texts,
        "date": date(2026, 1, 1),
        "amount": amount,
        "status": "posted",
        **STAMPS,
    }


def stored(runtime: Runtime, org_id: UUID, values: Sequence[Decimal]) -> tuple[Any, list[Any], Any]:
    """Store amounts, and return the account's, the transactions' and their sum, as read."""
    result: tuple[Any, list[Any], Any] = (None, [], None)
    own = account(org_id, values[0])
    here = (in_org(transactions), transactions.c.account_id == own["id"])
    try:
        with runtime.storage.transaction(org_id, write=True) as tx:
            tx.execute(insert(accounts), own)
            tx.execute(insert(transactions), [transaction(own, value) for value in values])
            order = transactions.c.id
            result = (
                tx.execute(select(accounts.c.balance).where(in_org(accounts))).scalar_one(),
                list(
                    tx.execute(select(transactions.c.amount).where(*here).order_by(order)).scalars()
                ),
                tx.execute(select(exact_sum(transactions.c.amount)).where(*here)).scalar_one(),
            )
            raise Undo
    except Undo:
        return result


@settings(max_examples=40, deadline=None)
@given(values=st.lists(amounts, min_size=1, max_size=20))
def test_amounts_and_sums_are_exact(runtime: Runtime, org_id: UUID, values: list[Decimal]) -> None:
    balance, read, total = stored(runtime, org_id, values)
    assert balance == values[0]
    assert read == values
    assert total == sum(values)
    assert {type(value) for value in (balance, total, *read)} == {Decimal}


def test_sums_go_far_beyond_64_bits(runtime: Runtime, org_id: UUID) -> None:
    values = [LIMIT - Decimal("0.0001")] * 2_000
    *_, total = stored(runtime, org_id, values)
    assert total == 2_000 * LIMIT - Decimal("0.2")


def test_the_sum_of_nothing_is_null(runtime: Runtime, org_id: UUID) -> None:
    statement = select(exact_sum(transactions.c.amount)).where(in_org(transactions))
    with runtime.storage.transaction(org_id, write=False) as tx:
        assert tx.execute(statement).scalar_one() is None


@pytest.mark.parametrize(
    "text",
    [
        "0.00001",
        "-12.34567",
        "0.1000000000000000000000000000000001",
        "99999999999999.99999",
        "1E+15",
        "9" * 40,
        "NaN",
        "Infinity",
        "-Infinity",
    ],
)
def test_what_the_column_cannot_hold_exactly_is_refused(
    runtime: Runtime, org_id: UUID, text: str
) -> None:
    with pytest.raises(StatementError, match="more than four decimals, or is out of range"):
        stored(runtime, org_id, [Decimal(text)])


def test_trailing_zeros_are_no_decimals(runtime: Runtime, org_id: UUID) -> None:
    assert stored(runtime, org_id, [Decimal("1.5000000")])[0] == Decimal("1.5")


zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@settings(max_examples=25, deadline=None)
@given(
    moment=st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=zones)  # noqa: DTZ001 - hypothesis wants bounds without a zone
)
def test_moments_come_back_the_same_in_utc(runtime: Runtime, moment: datetime) -> None:
    row_id, read = new_id(), None
    try:
        with runtime.storage.system_transaction(write=True) as tx:
            values = {"id": row_id, "name": "x", **STAMPS, "created_at": moment}
            tx.execute(insert(organizations), values)
            here = organizations.c.id == row_id
            read = tx.execute(select(organizations.c.created_at).where(here)).scalar_one()
            raise Undo
    except Undo:
        assert read == moment
        assert read.utcoffset() == timedelta(0)


def test_a_moment_without_a_zone_is_refused(runtime: Runtime) -> None:
    values = {"id": new_id(), "name": "x", **STAMPS, "created_at": NOW.replace(tzinfo=None)}
    with (
        pytest.raises(StatementError, match="without a time zone"),
        runtime.storage.system_transaction(write=True) as tx,
    ):
        tx.execute(insert(organizations), values)


def test_ids_grow() -> None:
    ids = [new_id() for _ in range(1_000)]
    assert len(set(ids)) == len(ids)
    assert [made.version for made in ids] == [7] * len(ids)
    assert ids == sorted(ids)
