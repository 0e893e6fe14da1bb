"""Rows that the rules of storages are tried on, made without any service of the core."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database import in_org
from nestegg_core.database.tables import (
    accounts,
    categories,
    organizations,
    transactions,
)
from nestegg_core.database.types import new_id

MOMENT = datetime(2026, 1, 31, 23, 59, 59, 123456, UTC)
STAMPS = {"created_at": MOMENT, "updated_at": MOMENT, "version": 1}
KINDS = select(categories.c.name, categories.c.kind).where(in_org(categories))
COUNT = select(func.count()).where(in_org(categories))


def new_organization(storage: Storage, *names: str) -> UUID:
    """Make an organization with categories of these names, and return its id."""
    org_id = new_id()
    with storage.transaction(org_id, write=True) as tx:
        tx.execute(insert(organizations), {"id": org_id, "name": "Household", **STAMPS})
        tx.execute(insert(categories), [category(org_id, name) for name in names or ("Food",)])
    return org_id


def category(org_id: UUID, name: str) -> dict[str, Any]:
    """Return the values of a category."""
    ids = {"org_id": org_id, "id": new_id()}
    return {**ids, "name": name, "name_key": name.lower(), "kind": "expense", **STAMPS}


def kinds(storage: Storage, org_id: UUID) -> dict[str, str]:
    """Return the kind of each category of an organization, by name."""
    with storage.transaction(org_id, write=False) as tx:
        return {row.name: row.kind for row in tx.execute(KINDS)}


def book(tx: Transaction, *amounts: Decimal) -> UUID:
    """Open an account with a transaction for each amount, and return its id."""
    account_id, ids = new_id(), {"org_id": tx.org_id}
    tx.execute(
        insert(accounts),
        {
            **ids,
            "id": account_id,
            "name": "Purse",
            "type": "cash",
            "currency": "EUR",
            "opening_balance": Decimal(0),
            "opening_date": date(2026, 1, 1),
            "balance": Decimal(0),
            "institution": "",
            **STAMPS,
        },
    )
    rows = [
        {
            **ids,
            "id": new_id(),
            "account_id": account_id,
            "date": date(2026, 1, 31),
            "amount": amount,
            "payee": "Äiti",
            "description": "",
            "search_text": "",
            "status": "booked",
            "external_id": "",
            **STAMPS,
        }
        for amount in amounts
    ]
    tx.execute(insert(transactions), rows)
    return account_id


class OverMigrated:
    """The fixtures of storages' rules: a migrated database, with organizations in it."""

    @pytest.fixture
    def migrated(self, subject: Storage) -> Iterator[Storage]:
        """The storage over a database at head."""
        subject.upgrade()
        yield subject
        subject.dispose()

    @pytest.fixture
    def org_id(self, migrated: Storage) -> UUID:
        """An organization with three categories."""
        return new_organization(migrated, "Food", "Rent", "Salary")
