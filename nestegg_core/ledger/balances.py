"""What every changed row has in common: stamps, and the version that the caller read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Table, and_, bindparam, delete, select, update

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.tables import accounts, in_org, organization_ids, transactions
from nestegg_core.database.types import exact_sum
from nestegg_core.errors import NotFound, StaleVersion


def new_stamps(now: datetime) -> dict[str, Any]:
    return {"created_at": now, "updated_at": now, "version": 1}


def read_row(tx: Transaction, table: Table, row_id: UUID, *, lock: bool = False) -> Row[Any]:
    """One row of the organization, or `NotFound`: another organization's looks the same."""
    statement = select(table).where(in_org(table), table.c.id == bindparam("row_id"))
    row = tx.execute(statement.with_for_update() if lock else statement, {"row_id": row_id}).first()
    if row is None:
        raise NotFound(f"There is no such row in {table.name}.")
    return row


def lock_version(tx: Transaction, table: Table, row_id: UUID, version: int) -> Row[Any]:
    """Lock a row for a change by someone who has read that version of it."""
    row = read_row(tx, table, row_id, lock=True)
    if row.version != version:
        raise StaleVersion("The row has changed since it was read. Read it again, then decide.")
    return row


def update_row(
    tx: Transaction, table: Table, row: Row[Any], values: Mapping[str, Any], now: datetime
) -> None:
    tx.execute(
        update(table)
        .where(in_org(table), table.c.id == row.id)
        .values(**values, updated_at=now, version=row.version + 1)
    )


def delete_row(tx: Transaction, table: Table, row: Row[Any]) -> None:
    tx.execute(delete(table).where(in_org(table), table.c.id == row.id))


@dataclass(frozen=True, slots=True)
class Difference:
    """An account whose balance is not what its rows add up to."""

    org_id: UUID
    account_id: UUID
    name: str
    currency: str
    balance: Decimal
    expected: Decimal


@dataclass(frozen=True, slots=True)
class Books:
    accounts: int
    differences: Sequence[Difference]


_A = accounts.c
_CHECKED = (_A.id, _A.name, _A.currency, _A.balance, _A.opening_balance)
_SUMS = (
    select(*_CHECKED, exact_sum(transactions.c.amount).label("moved"))
    .outerjoin(
        transactions,
        and_(transactions.c.org_id == _A.org_id, transactions.c.account_id == _A.id),
    )
    .where(in_org(accounts))
    .group_by(*_CHECKED)
    .order_by(_A.id)
)


def check_books(storage: Storage) -> Books:
    """Add up every account, organization by organization (row-level security allows no other
    way), each in one reading transaction.
    """
    count = 0
    differences: list[Difference] = []
    for org_id in organization_ids(storage):
        with storage.transaction(org_id, write=False) as tx:
            for row in tx.execute(_SUMS):
                count += 1
                expected = row.opening_balance + (row.moved or Decimal())
                if expected != row.balance:
                    differences.append(
                        Difference(org_id, row.id, row.name, row.currency, row.balance, expected)
                    )
    return Books(count, differences)
