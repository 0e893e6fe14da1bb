"""The rules of storages about values: what is read is what was written, to the last digit."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update

from nestegg_core.contracts.storage import Storage
from nestegg_core.database import in_org
from nestegg_core.database.tables import (
    accounts,
    denied_tokens,
    imports,
    organizations,
    transactions,
    users,
)
from nestegg_core.database.types import exact_sum, new_id
from nestegg_testing.conformance.storage_rows import MOMENT, STAMPS, OverMigrated, book

_AMOUNTS = [
    Decimal("0.0001"),
    Decimal("-0.0001"),
    Decimal("0.10"),
    Decimal("99999999999999.9999"),
    Decimal("-99999999999999.9999"),
    Decimal(0),
    Decimal("1E+3"),
]
_READ = select(transactions.c.amount).where(in_org(transactions)).order_by(transactions.c.amount)
_SUM = select(exact_sum(transactions.c.amount)).where(in_org(transactions))
_BOOKED = select(transactions.c.date, transactions.c.created_at).where(in_org(transactions))


class ValueRules(OverMigrated):
    """Rules about the types of columns."""

    def test_money_is_exact(self, migrated: Storage, org_id: UUID) -> None:
        """Amounts come back as Decimal, equal to the last digit, in the order of their size."""
        with migrated.transaction(org_id, write=True) as tx:
            book(tx, *_AMOUNTS)
        with migrated.transaction(org_id, write=False) as tx:
            read = [row[0] for row in tx.rows(_READ, {})]
            assert read == list(tx.execute(_READ).scalars()) == sorted(_AMOUNTS)
            assert all(isinstance(amount, Decimal) for amount in read)

    def test_sums_are_exact(self, migrated: Storage, org_id: UUID) -> None:
        """The sum of any number of amounts of any size is exact, and NULL where there is none."""
        large = [Decimal("99999999999999.9999")] * 2000
        with migrated.transaction(org_id, write=True) as tx:
            assert tx.execute(_SUM).scalar_one() is None
            book(tx, *large, Decimal("0.0001"))
        with migrated.transaction(org_id, write=False) as tx:
            assert tx.execute(_SUM).scalar_one() == sum(large) + Decimal("0.0001")
            assert tx.rows(_SUM, {})[0][0] == sum(large) + Decimal("0.0001")

    def test_an_amount_is_never_rounded(self, migrated: Storage, org_id: UUID) -> None:
        """An amount with more than four decimals is refused, not rounded."""
        with pytest.raises(Exception), migrated.transaction(org_id, write=True) as tx:  # noqa: B017, PT011 - it is wrapped by some
            book(tx, Decimal("0.00001"))
        with migrated.transaction(org_id, write=False) as tx:
            assert tx.execute(_READ).all() == []

    def test_an_amount_is_added_in_the_database(self, migrated: Storage, org_id: UUID) -> None:
        """Adding to a balance in the database is exact."""
        adding = (
            update(accounts)
            .where(in_org(accounts))
            .values(balance=accounts.c.balance + Decimal("0.1"))
        )
        with migrated.transaction(org_id, write=True) as tx:
            book(tx, Decimal(1))
            for _ in range(10):
                tx.execute(adding)
            read = select(accounts.c.balance).where(in_org(accounts))
            assert tx.execute(read).scalar_one() == Decimal(1)

    def test_moments_are_aware_and_in_utc(self, migrated: Storage, org_id: UUID) -> None:
        """Moments come back aware, in UTC, to the microsecond, whatever zone they were written in;
        days come back as dates.
        """
        east = timezone(timedelta(hours=5, minutes=30))
        with migrated.transaction(org_id, write=True) as tx:
            book(tx, Decimal(1))
            tx.execute(
                update(transactions)
                .where(in_org(transactions))
                .values(created_at=MOMENT.astimezone(east))
            )
        with migrated.transaction(org_id, write=False) as tx:
            for day, moment in (tx.execute(_BOOKED).one(), tx.rows(_BOOKED, {})[0]):
                assert (type(day), day) == (date, date(2026, 1, 31))
                assert (moment, moment.utcoffset()) == (MOMENT, timedelta(0))

    def test_other_values_come_back_as_they_were(self, migrated: Storage, org_id: UUID) -> None:
        """Ids, texts, bytes, truth values, NULL and JSON come back as they were."""
        text, raw = "Ääkköset € 🥚 ' \" \\ % :x ?", bytes(range(32))
        decisions = {"a": [1, 2.5, None, True], "ä": {"deep": "€"}}
        user = {"id": new_id(), "email": text, "name": None, "is_admin": True, **STAMPS}
        denied = {"token_hash": raw, "expires_at": datetime(2030, 1, 1, tzinfo=UTC)}
        with migrated.transaction(org_id, write=True) as tx:
            account_id = book(tx, Decimal(1))
            tx.execute(insert(users), user)
            tx.execute(insert(denied_tokens), denied)
            tx.execute(insert(imports), _import(org_id, account_id, decisions))
        with migrated.transaction(org_id, write=False) as tx:
            read = tx.execute(select(users).where(users.c.id == user["id"])).one()
            assert {**read._mapping, "disabled_at": None} == {**user, "disabled_at": None}
            assert tx.execute(select(denied_tokens)).one()._asdict() == denied
            stored = select(imports.c.decisions, imports.c.warnings).where(in_org(imports))
            assert tx.execute(stored).one()._asdict() == {"decisions": decisions, "warnings": []}
            ids = select(organizations.c.id).where(organizations.c.id == org_id)
            assert tx.rows(ids, {})[0][0] == org_id


def _import(org_id: UUID, account_id: UUID, decisions: object) -> dict[str, object]:
    counts = dict.fromkeys(("new_rows", "duplicate_rows", "error_rows"), 0)
    return {
        "org_id": org_id,
        "id": new_id(),
        "account_id": account_id,
        "status": "previewed",
        "importer": "csv",
        "file_name": "",
        "decisions": decisions,
        "warnings": [],
        **counts,
        "balance_after": Decimal(0),
        "created_by": new_id(),
        **STAMPS,
    }
