"""Categories: what money was for. `income`, `expense`, or `transfer`, which no report counts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, insert, select, tuple_, update

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.locks import Quota
from nestegg_core.database.paging import Page, page_of
from nestegg_core.database.tables import categories, in_org, transactions
from nestegg_core.database.types import new_id
from nestegg_core.errors import Conflict, InvalidInput
from nestegg_core.ledger.balances import delete_row, lock_version, new_stamps, read_row, update_row

KINDS = ("income", "expense", "transfer")

STARTING_SET: tuple[tuple[str, str], ...] = (
    ("Salary", "income"),
    ("Interest and dividends", "income"),
    ("Other income", "income"),
    ("Groceries", "expense"),
    ("Rent and mortgage", "expense"),
    ("Utilities", "expense"),
    ("Transport", "expense"),
    ("Eating out", "expense"),
    ("Health", "expense"),
    ("Insurance", "expense"),
    ("Shopping", "expense"),
    ("Leisure", "expense"),
    ("Travel", "expense"),
    ("Education", "expense"),
    ("Fees", "expense"),
    ("Taxes", "expense"),
    ("Other expenses", "expense"),
    ("Transfer", "transfer"),
)


def name_key(name: str) -> str:
    """Two names are the same category when this is equal: "  Eating  OUT " is "eating out"."""
    return " ".join(name.split()).casefold()


@dataclass(frozen=True, slots=True)
class Categories:
    clock: Callable[[], datetime]
    quota: Quota

    def prepare(self, tx: Transaction) -> None:
        """Give a new organization its starting set."""
        stamps = new_stamps(self.clock())
        tx.execute(
            insert(categories),
            [
                {
                    "org_id": tx.org_id,
                    "id": new_id(),
                    "name": name,
                    "name_key": name_key(name),
                    "kind": kind,
                    **stamps,
                }
                for name, kind in STARTING_SET
            ],
        )

    def page(
        self, tx: Transaction, *, limit: int, after: tuple[Any, ...] | None
    ) -> Page[dict[str, Any]]:
        statement = select(categories).where(in_org(categories))
        if after is not None:
            key = tuple_(categories.c.name_key, categories.c.id)
            statement = statement.where(key > tuple_(after[0], UUID(after[1])))
        rows = tx.execute(
            statement.order_by(categories.c.name_key, categories.c.id).limit(limit + 1)
        ).all()
        rows, last = page_of(rows, limit, lambda row: (row.name_key, str(row.id)))
        return Page([_shown(row) for row in rows], last)

    def read(self, tx: Transaction, category_id: UUID) -> dict[str, Any]:
        return _shown(read_row(tx, categories, category_id))

    def create(self, tx: Transaction, name: str, kind: str) -> dict[str, Any]:
        self.quota.require(tx, tx.org_id, select(func.count()).where(in_org(categories)))
        self._refuse_taken(tx, name, None)
        values = {
            "org_id": tx.org_id,
            "id": new_id(),
            "name": name,
            "name_key": name_key(name),
            "kind": kind,
            **new_stamps(self.clock()),
        }
        tx.execute(insert(categories), values)
        return self.read(tx, values["id"])

    def change(
        self, tx: Transaction, category_id: UUID, version: int, changes: Mapping[str, Any]
    ) -> dict[str, Any]:
        row = lock_version(tx, categories, category_id, version)
        values = dict(changes)
        if "name" in values:
            self._refuse_taken(tx, values["name"], category_id)
            values["name_key"] = name_key(values["name"])
        update_row(tx, categories, row, values, self.clock())
        return self.read(tx, category_id)

    def delete(self, tx: Transaction, category_id: UUID, version: int) -> None:
        """Its transactions stay, without a category."""
        row = lock_version(tx, categories, category_id, version)
        tx.execute(
            update(transactions)
            .where(in_org(transactions), transactions.c.category_id == category_id)
            .values(category_id=None, updated_at=self.clock(), version=transactions.c.version + 1)
        )
        delete_row(tx, categories, row)

    def by_name(self, tx: Transaction) -> dict[str, UUID]:
        """Every category's id by its `name_key`."""
        rows = tx.execute(select(categories.c.name_key, categories.c.id).where(in_org(categories)))
        return {row.name_key: row.id for row in rows}

    def _refuse_taken(self, tx: Transaction, name: str, own_id: UUID | None) -> None:
        same_name = (in_org(categories), categories.c.name_key == name_key(name))
        taken_by = tx.execute(select(categories.c.id).where(*same_name)).scalar()
        if taken_by not in {None, own_id}:
            raise Conflict("category-exists", "There is a category of this name already.")


def require_category(tx: Transaction, category_id: UUID | None) -> None:
    """Refuse a category that the organization does not have; none at all is fine."""
    if category_id is None:
        return
    count = tx.execute(
        select(func.count()).where(in_org(categories), categories.c.id == bindparam("row_id")),
        {"row_id": category_id},
    ).scalar_one()
    if not count:
        raise InvalidInput.one("/category_id", "unknown_category", "There is no such category.")


def _shown(row: Row[Any]) -> dict[str, Any]:
    names = ("id", "name", "kind", "created_at", "updated_at", "version")
    return {name: row._mapping[name] for name in names}
