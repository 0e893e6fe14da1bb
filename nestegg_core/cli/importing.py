"""The steps of an import, as the command line takes them: for an operator, in any organization."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from nestegg_core.application import Runtime
from nestegg_core.contracts.importers import StatementFile
from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.tables import memberships, organization_ids
from nestegg_core.errors import NotFound
from nestegg_core.ledger.imports import Upload

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Target:
    """The account that a statement is for, and an owner for whom the operator acts."""

    org_id: UUID
    account: Mapping[str, Any]
    owner_id: UUID

    @property
    def account_id(self) -> UUID:
        account_id: UUID = self.account["id"]
        return account_id


def find_target(runtime: Runtime, account_id: UUID, org_id: UUID | None) -> Target:
    """Look for an account in each organization alone, for none sees another's."""
    for candidate in [org_id] if org_id else organization_ids(runtime.storage):
        with runtime.storage.transaction(candidate, write=False) as tx:
            try:
                account = runtime.accounts.read(tx, account_id)
            except NotFound:
                continue
            return Target(candidate, account, _owner(tx))
    where = "in this organization" if org_id else "in any organization"
    raise NotFound(f"There is no account of this id {where}.")


def _owner(tx: Transaction) -> UUID:
    owner: UUID = tx.execute(
        select(memberships.c.user_id)
        .where(memberships.c.org_id == tx.org_id, memberships.c.role == "owner")
        .order_by(memberships.c.created_at, memberships.c.user_id)
        .limit(1)
    ).scalar_one()
    return owner


@dataclass(frozen=True, slots=True)
class Importing:
    runtime: Runtime
    target: Target

    def read(self, file: StatementFile, options: Mapping[str, str], importer: str | None) -> Upload:
        name, statement = self.runtime.importers.read(file, options, importer)
        return Upload(name, file.name, statement, self.target.owner_id)

    def preview(self, upload: Upload) -> dict[str, Any]:
        with self.runtime.storage.transaction(self.target.org_id, write=True) as tx:
            return self.runtime.imports.preview(tx, self.target.account_id, upload)

    def commit(self, import_id: UUID) -> dict[str, Any]:
        """Book every new row, or none; Conflict if the account has changed since the preview."""
        with self.runtime.storage.transaction(self.target.org_id, write=True) as tx:
            return self.runtime.imports.commit(tx, import_id)

    def discard(self, entry: Mapping[str, Any]) -> None:
        with self.runtime.storage.transaction(self.target.org_id, write=True) as tx:
            self.runtime.imports.delete(tx, entry["id"], entry["version"])

    def error_rows(self, import_id: UUID) -> list[dict[str, Any]]:
        with self.runtime.storage.transaction(self.target.org_id, write=False) as tx:
            return [
                {"line": row["line"], "problems": row["problems"]}
                for row in self._rows(tx, import_id)
            ]

    def _rows(self, tx: Transaction, import_id: UUID) -> Iterator[dict[str, Any]]:
        after: tuple[Any, ...] | None = None
        while True:
            page = self.runtime.imports.rows_page(
                tx, import_id, status="error", limit=_PAGE, after=after
            )
            yield from page.items
            after = page.after
            if after is None:
                return
