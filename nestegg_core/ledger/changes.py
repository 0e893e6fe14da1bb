"""What every changed row has in common: stamps, and the version that the caller read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Table, bindparam, delete, select, update

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.tables import in_org
from nestegg_core.errors import NotFound, StaleVersion


def new_stamps(now: datetime) -> dict[str, Any]:
    """Return the stamps of a row that is being made."""
    return {"created_at": now, "updated_at": now, "version": 1}


def read_row(tx: Transaction, table: Table, row_id: UUID, *, lock: bool = False) -> Row[Any]:
    """Return one row of the organization.

    Args:
        lock: whether nobody else may change the row until the transaction ends.

    Raises:
        NotFound: no such row here; another organization's looks the same.
    """
    statement = select(table).where(in_org(table), table.c.id == bindparam("row_id"))
    row = tx.execute(statement.with_for_update() if lock else statement, {"row_id": row_id}).first()
    if row is None:
        raise NotFound(f"There is no such row in {table.name}.")
    return row


def lock_version(tx: Transaction, table: Table, row_id: UUID, version: int) -> Row[Any]:
    """Lock a row for a change by someone who has read that version of it.

    Raises:
        NotFound: no such row here.
        StaleVersion: it has changed since.
    """
    row = read_row(tx, table, row_id, lock=True)
    if row.version != version:
        raise StaleVersion("The row has changed since it was read. Read it again, then decide.")
    return row


def update_row(
    tx: Transaction, table: Table, row: Row[Any], values: Mapping[str, Any], now: datetime
) -> None:
    """Write new values into a locked row and count its version up."""
    tx.execute(
        update(table)
        .where(in_org(table), table.c.id == row.id)
        .values(**values, updated_at=now, version=row.version + 1)
    )


def delete_row(tx: Transaction, table: Table, row: Row[Any]) -> None:
    """Delete a locked row."""
    tx.execute(delete(table).where(in_org(table), table.c.id == row.id))
