"""Storages on a test's own PostgreSQL database, and rows to put there."""

from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from nestegg_storage_postgres.storage import PostgresStorage
from sqlalchemy import insert

from nestegg_core import Storage
from nestegg_core.database.tables import categories, organizations
from nestegg_core.database.types import new_id

NOW = datetime(2026, 1, 31, tzinfo=UTC)
STAMPS = {"created_at": NOW, "updated_at": NOW, "version": 1}


class Connect(Protocol):
    """Makes a storage on the test's database, which connects as a role."""

    def __call__(self, role: str = ...) -> PostgresStorage: ...


def category(org_id: UUID, name: str = "Pets") -> dict[str, Any]:
    """Return a row of `categories`."""
    names = {"name": name, "name_key": name.casefold(), "kind": "expense"}
    return {"org_id": org_id, "id": new_id(), **names, **STAMPS}


def organization(storage: Storage) -> UUID:
    """Make an organization with one category."""
    org_id = new_id()
    with storage.transaction(org_id, write=True) as tx:
        tx.execute(insert(organizations), {"id": org_id, "name": "Household", **STAMPS})
        tx.execute(insert(categories), category(org_id))
    return org_id
