"""Old rows to purge, policies that say what they are told, and what the books hold afterwards."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select

from nestegg_core import Expire, Hold, Storage
from nestegg_core.database.tables import (
    accounts,
    carried_amounts,
    in_org,
    organizations,
    transactions,
)
from nestegg_core.database.types import new_id
from nestegg_core.retention.cleanup import Cleaning, Lifetimes
from nestegg_core.retention.engine import Retention

NOW = datetime(2026, 1, 31, tzinfo=UTC)
STAMPS = {"created_at": NOW, "updated_at": NOW, "version": 1}
FIRST = date(2020, 1, 1)
TODAY = FIRST + timedelta(days=60)
LIFETIMES = Lifetimes(session=timedelta(days=30), preview=timedelta(days=30))


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


@dataclass(frozen=True)
class Booked:
    """A transaction: its day, counted from `FIRST`, and its amount."""

    on: int
    amount: Decimal
    id: UUID = field(default_factory=new_id)


@dataclass(frozen=True)
class Account:
    """An account and its transactions."""

    opening_balance: Decimal
    opened: int | None
    rows: Sequence[Booked]
    type: str = "checking"
    id: UUID = field(default_factory=new_id)

    @property
    def balance(self) -> Decimal:
        return self.balance_on(date.max)

    def balance_on(self, when: date) -> Decimal:
        past = (row.amount for row in self.rows if day(row.on) <= when)
        return self.opening_balance + sum(past, Decimal())


@dataclass
class Told:
    """A policy that answers what it is told, for one organization."""

    org_id: UUID
    decisions: Sequence[Expire | Hold]

    def decide(self, org_id: UUID, today: date) -> Sequence[Expire | Hold]:
        del today
        return self.decisions if org_id == self.org_id else ()


def store(storage: Storage, household: Iterable[Account]) -> UUID:
    """Make an organization with these accounts."""
    org_id = new_id()
    with storage.transaction(org_id, write=True) as tx:
        tx.execute(insert(organizations), {"id": org_id, "name": "Household", **STAMPS})
        for account in household:
            tx.execute(insert(accounts), _account(org_id, account))
            rows = [_transaction(org_id, account.id, row) for row in account.rows]
            if rows:
                tx.execute(insert(transactions), rows)
    return org_id


def _account(org_id: UUID, account: Account) -> dict[str, Any]:
    return {
        "org_id": org_id,
        "id": account.id,
        "name": "Account",
        "type": account.type,
        "currency": "EUR",
        "opening_balance": account.opening_balance,
        "opening_date": None if account.opened is None else day(account.opened),
        "balance": account.balance,
        "institution": "",
        **STAMPS,
    }


def _transaction(org_id: UUID, account_id: UUID, row: Booked) -> dict[str, Any]:
    texts = {"payee": "Bakery", "description": "", "search_text": "bakery", "external_id": ""}
    return {
        "org_id": org_id,
        "id": row.id,
        "account_id": account_id,
        "date": day(row.on),
        "amount": row.amount,
        "status": "posted",
        **texts,
        **STAMPS,
    }


def engine(
    storage: Storage,
    policies: Mapping[str, Any],
    *,
    max_batch: int = 5000,
    clock: Callable[[], datetime] = lambda: datetime.combine(TODAY, time(3, 30), UTC),
) -> Retention:
    """Return an engine with these policies; its day is `TODAY`."""
    return Retention(
        storage=storage,
        policies=list(policies.items()),
        cleaning=Cleaning(storage, LIFETIMES),
        clock=clock,
        max_batch=max_batch,
    )


@dataclass(frozen=True)
class Books:
    """What the database holds of an organization."""

    accounts: Mapping[UUID, Row[Any]]
    rows: Mapping[UUID, Sequence[Row[Any]]]
    carried: Mapping[UUID, Mapping[date, Decimal]]

    @property
    def ids(self) -> Collection[UUID]:
        return {row.id for rows in self.rows.values() for row in rows}

    def balance_on(self, account_id: UUID, when: date) -> Decimal:
        """Return a balance as the reports compute it."""
        past = (row.amount for row in self.rows[account_id] if row.date <= when)
        later = (amount for on, amount in self.carried[account_id].items() if on > when)
        opening: Decimal = self.accounts[account_id].opening_balance
        return opening + sum(past, Decimal()) - sum(later, Decimal())


def read(storage: Storage, org_id: UUID) -> Books:
    """Read an organization's books."""
    with storage.transaction(org_id, write=False) as tx:
        found = {row.id: row for row in tx.execute(select(accounts).where(in_org(accounts)))}
        own = tx.execute(select(transactions).where(in_org(transactions))).all()
        carried = tx.execute(select(carried_amounts).where(in_org(carried_amounts))).all()
    return Books(
        found,
        {key: [row for row in own if row.account_id == key] for key in found},
        {key: {row.day: row.amount for row in carried if row.account_id == key} for key in found},
    )
