"""What a database holds, in figures: rows of every table, and sums of money.

They are taken from the very state that a dump holds, and again from what was restored of it. Sums
are taken apart by organization and currency, so that two errors cannot make up for each other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import and_, func, select, table
from sqlalchemy import text as sql_text

from nestegg_core.contracts.storage import Snapshot, Storage
from nestegg_core.database.tables import accounts, transactions
from nestegg_core.database.types import exact_sum

_ACCOUNTS = (
    select(
        accounts.c.org_id,
        accounts.c.currency,
        func.count().label("accounts"),
        exact_sum(accounts.c.opening_balance).label("opening_balances"),
        exact_sum(accounts.c.balance).label("balances"),
    )
    .group_by(accounts.c.org_id, accounts.c.currency)
    .order_by(accounts.c.org_id, accounts.c.currency)
)
_MOVED = (
    select(accounts.c.org_id, accounts.c.currency, exact_sum(transactions.c.amount).label("moved"))
    .join(
        transactions,
        and_(
            transactions.c.org_id == accounts.c.org_id,
            transactions.c.account_id == accounts.c.id,
        ),
    )
    .group_by(accounts.c.org_id, accounts.c.currency)
)
_REVISION = sql_text("SELECT version_num FROM alembic_version")


@dataclass(frozen=True, slots=True)
class Sums:
    """Money of one organization in one currency, as texts with four decimals."""

    accounts: int
    opening_balances: str
    transactions: str
    balances: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Rows of every table by name, and sums by organization and currency."""

    rows: Mapping[str, int]
    sums: Mapping[str, Mapping[str, Sums]]

    def differences(self, other: "Figures") -> Iterator[str]:
        """Yield what is not equal, a sentence each."""
        for name in sorted({*self.rows, *other.rows}):
            mine, found = self.rows.get(name, 0), other.rows.get(name, 0)
            if mine != found:
                yield f"{name}: {mine} rows were backed up, {found} found"
        for org_id in sorted({*self.sums, *other.sums}):
            if self.sums.get(org_id) != other.sums.get(org_id):
                yield f"organization {org_id}: sums of money differ"


def figures(snapshot: Snapshot) -> Figures:
    execute, names = snapshot.transaction.execute, snapshot.tables
    rows = {
        name: int(execute(select(func.count()).select_from(table(name))).scalar_one())
        for name in names
    }
    return Figures(rows, _sums(snapshot) if "accounts" in names else {})


def revision_of(snapshot: Snapshot) -> str | None:
    if "alembic_version" not in snapshot.tables:
        return None
    found: str | None = snapshot.transaction.execute(_REVISION).scalar()
    return found


def _sums(snapshot: Snapshot) -> dict[str, dict[str, Sums]]:
    moved = {(row.org_id, row.currency): row.moved for row in snapshot.transaction.execute(_MOVED)}
    found: dict[str, dict[str, Sums]] = {}
    for row in snapshot.transaction.execute(_ACCOUNTS):
        found.setdefault(str(row.org_id), {})[row.currency] = Sums(
            row.accounts,
            _text(row.opening_balances),
            _text(moved.get((row.org_id, row.currency))),
            _text(row.balances),
        )
    return found


def _text(amount: Any) -> str:
    return f"{amount or Decimal():.4f}"


class Books(Protocol):
    @property
    def differences(self) -> Sized: ...


class Values(Protocol):
    @property
    def checked(self) -> int: ...

    @property
    def failures(self) -> Sized: ...


def books_balance(check: Callable[[Storage], Books]) -> Callable[[Storage], Sequence[str]]:
    def verify(storage: Storage) -> Sequence[str]:
        wrong = len(check(storage).differences)
        return [f"the balances of {wrong} accounts are not the sums of their rows"] if wrong else []

    return verify


def values_open(check: Callable[[Storage], Values]) -> Callable[[Storage], Sequence[str]]:
    def verify(storage: Storage) -> Sequence[str]:
        found = check(storage)
        wrong = len(found.failures)
        told = f"{wrong} of {found.checked} encrypted values do not open with the keys at hand"
        return [told] if wrong else []

    return verify
