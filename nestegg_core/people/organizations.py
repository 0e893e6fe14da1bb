"""Organizations: a household or a company, whose rows nobody else sees."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.tables import organizations
from nestegg_core.errors import StaleVersion


class Organizations:
    """Reads and changes the organization of a transaction."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def read(self, tx: Transaction) -> dict[str, Any]:
        """Return the organization as the API shows it."""
        row = tx.execute(select(organizations).where(organizations.c.id == tx.org_id)).one()
        return {
            "id": row.id,
            "name": row.name,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
            "version": row.version,
        }

    def change(self, tx: Transaction, version: int, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change the name.

        Raises:
            StaleVersion: it has changed since that version was read.
        """
        changed = tx.execute(
            update(organizations)
            .where(organizations.c.id == tx.org_id, organizations.c.version == version)
            .values(**changes, version=version + 1, updated_at=self._clock())
        )
        if changed.rowcount == 0:
            raise StaleVersion("The organization has changed since it was read.")
        return self.read(tx)
