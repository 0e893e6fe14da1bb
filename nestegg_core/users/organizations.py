"""Organizations: a household or a company, whose rows nobody else sees."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, insert, select, update

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.quotas import Quota
from nestegg_core.database.tables import memberships, organizations
from nestegg_core.errors import StaleVersion


def places_of(user_id: UUID) -> Select[Any]:
    return select(func.count()).where(memberships.c.user_id == user_id)


@dataclass(frozen=True, slots=True)
class Organizations:
    storage: Storage
    prepare: Callable[[Transaction], None]
    clock: Callable[[], datetime]
    quota: Quota

    def open(self, org_id: UUID) -> AbstractContextManager[Transaction]:
        """Begin the transaction in which an organization of that id is made."""
        return self.storage.transaction(org_id, write=True)

    def create_further(self, tx: Transaction, owner_id: UUID, name: str) -> dict[str, Any]:
        self.quota.require(tx, owner_id, places_of(owner_id))
        self.create_in(tx, owner_id, name)
        return self.read(tx)

    def of_id(self, org_id: UUID) -> dict[str, Any]:
        with self.storage.transaction(org_id, write=False) as tx:
            return self.read(tx)

    def create_in(self, tx: Transaction, owner_id: UUID, name: str) -> None:
        now = self.clock()
        stamps = {"created_at": now, "updated_at": now, "version": 1}
        tx.execute(insert(organizations), {"id": tx.org_id, "name": name, **stamps})
        owner = {"org_id": tx.org_id, "user_id": owner_id, "role": "owner"}
        tx.execute(insert(memberships), {**owner, **stamps})
        self.prepare(tx)

    def read(self, tx: Transaction) -> dict[str, Any]:
        row = tx.execute(select(organizations).where(organizations.c.id == tx.org_id)).one()
        return {
            "id": row.id,
            "name": row.name,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
            "version": row.version,
        }

    def change(self, tx: Transaction, version: int, changes: Mapping[str, Any]) -> dict[str, Any]:
        changed = tx.execute(
            update(organizations)
            .where(organizations.c.id == tx.org_id, organizations.c.version == version)
            .values(**changes, version=version + 1, updated_at=self.clock())
        )
        if changed.rowcount == 0:
            raise StaleVersion("The organization has changed since it was read.")
        return self.read(tx)
