"""How far the rewrap of each column has come, so that a killed run goes on and not back."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, select

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.tables import rewrap_checkpoints
from nestegg_core.encryption.sealed_columns import SealedColumn


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The last row that is done.

    Attributes:
        org_id: its organization; `None` in a system table.
        row_key: its key, as `sealed_columns.row_key` gives it.
    """

    org_id: UUID | None
    row_key: Sequence[str]


def read(tx: Transaction, column: SealedColumn, target: str) -> Checkpoint | None:
    """Return the checkpoint of a column; one on the way to another target does not count."""
    row = tx.execute(
        select(rewrap_checkpoints).where(*_place(column), rewrap_checkpoints.c.target == target)
    ).first()
    return None if row is None else Checkpoint(row.org_id, row.row_key)


def write(tx: Transaction, column: SealedColumn, target: str, checkpoint: Checkpoint) -> None:
    """Put a checkpoint in place of the one before."""
    clear(tx, column)
    values = {
        "table_name": column.table.name,
        "column_name": column.column.name,
        "target": target,
        "org_id": checkpoint.org_id,
        "row_key": list(checkpoint.row_key),
    }
    tx.execute(insert(rewrap_checkpoints), values)


def clear(tx: Transaction, column: SealedColumn) -> None:
    """Forget the checkpoint of a column that is done."""
    tx.execute(delete(rewrap_checkpoints).where(*_place(column)))


def _place(column: SealedColumn) -> tuple[ColumnElement[bool], ...]:
    return (
        rewrap_checkpoints.c.table_name == column.table.name,
        rewrap_checkpoints.c.column_name == column.column.name,
    )
