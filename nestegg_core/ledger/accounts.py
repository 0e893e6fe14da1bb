"""Accounts. Balance = opening balance + the sum of the account's transactions, always."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, delete, func, insert, select, update

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.locks import Quota
from nestegg_core.database.paging import FIRST, Page, page_of, position
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import accounts, import_rows, imports, in_org, transactions
from nestegg_core.database.types import new_id
from nestegg_core.errors import Conflict, InvalidInput, NotFound
from nestegg_core.ledger.balances import delete_row, lock_version, new_stamps, read_row, update_row
from nestegg_core.ledger.money import LIMIT, format_amount

ASSETS = ("checking", "savings", "cash", "investment", "property", "other")
LIABILITIES = ("credit_card", "loan", "mortgage")

LAST4 = 4

_LISTED = [column for column in accounts.columns if column.name not in {"org_id", "number"}]
_NAMES = tuple(str(column.name) for column in _LISTED)
_ID = _NAMES.index("id")
_PAGE = (
    select(*_LISTED)
    .where(in_org(accounts), accounts.c.id > bindparam("after_id"))
    .order_by(accounts.c.id)
    .limit(bindparam("count"))
)
_MOVE = (
    update(accounts)
    .where(in_org(accounts), accounts.c.id == bindparam("row_id"))
    .values(
        balance=accounts.c.balance + bindparam("delta", type_=accounts.c.balance.type),
        updated_at=bindparam("now"),
        version=accounts.c.version + 1,
    )
    .returning(accounts.c.balance)
)


@dataclass(frozen=True, slots=True)
class Accounts:
    rows: SealedRows
    clock: Callable[[], datetime]
    quota: Quota

    def page(
        self, tx: Transaction, *, limit: int, after: tuple[Any, ...] | None
    ) -> Page[dict[str, Any]]:
        """The oldest first. Numbers stay sealed; their last four show."""
        after_id = position(after, otherwise=FIRST)
        rows = tx.rows(_PAGE, {"count": limit + 1, "after_id": after_id})
        rows, last = page_of(rows, limit, lambda row: (str(row[_ID]),))
        return Page([_listed(row) for row in rows], last)

    def read(self, tx: Transaction, account_id: UUID) -> dict[str, Any]:
        row = read_row(tx, accounts, account_id)
        shown = [row._mapping[name] for name in _NAMES]
        return {**_listed(shown), **self.rows.show(accounts, row, ("number",))}

    def create(self, tx: Transaction, values: Mapping[str, Any]) -> dict[str, Any]:
        self.quota.require(tx, tx.org_id, select(func.count()).where(in_org(accounts)))
        row = {
            **values,
            "org_id": tx.org_id,
            "id": new_id(),
            "balance": values["opening_balance"],
            "number_last4": _last4(values["number"]),
            **new_stamps(self.clock()),
        }
        tx.execute(insert(accounts), self.rows.seal(accounts, row))
        return self.read(tx, row["id"])

    def change(
        self, tx: Transaction, account_id: UUID, version: int, changes: Mapping[str, Any]
    ) -> dict[str, Any]:
        """A new opening balance moves the balance along."""
        row = lock_version(tx, accounts, account_id, version)
        values = dict(changes)
        first_day, count = self._extent(tx, account_id)
        if values.get("currency", row.currency) != row.currency and (
            count or self._has_imports(tx, account_id)
        ):
            raise Conflict(
                "currency-in-use", "The account has transactions or imports in its currency."
            )
        opening_date = values.get("opening_date")
        if "opening_date" in values:
            refuse_opening_before_purged(row, opening_date)
        if opening_date and first_day and first_day < opening_date:
            raise InvalidInput.one(
                "/opening_date", "rows_before", "There are transactions before this day."
            )
        if "opening_balance" in values:
            values["balance"] = row.balance + values["opening_balance"] - row.opening_balance
            refuse_out_of_range(values["balance"], "/opening_balance")
        if "number" in values:
            values["number_last4"] = _last4(values["number"])
        place = {"org_id": row.org_id, "id": row.id}
        sealed = self.rows.seal(accounts, {**values, **place})
        update_row(tx, accounts, row, {name: sealed[name] for name in values}, self.clock())
        return self.read(tx, account_id)

    def delete(
        self, tx: Transaction, account_id: UUID, version: int, *, with_transactions: bool
    ) -> None:
        row = lock_version(tx, accounts, account_id, version)
        _, count = self._extent(tx, account_id)
        if count and not with_transactions:
            raise Conflict(
                "account-not-empty",
                f"The account has {count} transactions; ask with with_transactions=true to "
                "delete them too.",
            )
        tx.execute(
            delete(transactions).where(
                in_org(transactions), transactions.c.account_id == account_id
            )
        )
        its_imports = (in_org(imports), imports.c.account_id == account_id)
        import_ids = select(imports.c.id).where(*its_imports)
        # Rows of its imports that were moved to other accounts stay there.
        tx.execute(
            update(transactions)
            .where(in_org(transactions), transactions.c.import_id.in_(import_ids))
            .values(import_id=None, updated_at=self.clock(), version=transactions.c.version + 1)
        )
        tx.execute(
            delete(import_rows).where(in_org(import_rows), import_rows.c.import_id.in_(import_ids))
        )
        tx.execute(delete(imports).where(*its_imports))
        delete_row(tx, accounts, row)

    def _extent(self, tx: Transaction, account_id: UUID) -> tuple[date | None, int]:
        row = tx.execute(
            select(
                func.min(transactions.c.date).label("first_day"), func.count().label("rows")
            ).where(in_org(transactions), transactions.c.account_id == account_id)
        ).one()
        return row.first_day, row.rows

    def _has_imports(self, tx: Transaction, account_id: UUID) -> bool:
        found = select(imports.c.id).where(in_org(imports), imports.c.account_id == account_id)
        return tx.execute(found.limit(1)).first() is not None


def lock_account(tx: Transaction, account_id: UUID, pointer: str = "/account_id") -> Row[Any]:
    """Lock the account that a row is to be booked on; `pointer` names the field to blame."""
    try:
        return read_row(tx, accounts, account_id, lock=True)
    except NotFound:
        raise InvalidInput.one(pointer, "unknown_account", "There is no such account.") from None


def first_day(account: Row[Any]) -> date | None:
    """The first day that rows may be booked on: not before the opening, and not on purged days."""
    opening_date: date | None = account.opening_date
    if account.purged_until is None or opening_date is None:
        return opening_date
    after_purged: date = account.purged_until + timedelta(days=1)
    return max(after_purged, opening_date)


def refuse_opening_before_purged(account: Row[Any], opening_date: date | None) -> None:
    if account.purged_until is None:
        return
    if opening_date is None or opening_date < account.opening_date:
        raise InvalidInput.one(
            "/opening_date",
            "purged",
            "Old rows of the account were purged, so it cannot be opened any earlier than it is.",
        )


def move_balance(tx: Transaction, account_id: UUID, delta: Decimal, now: datetime) -> None:
    """Move a balance, in the transaction that books the rows which move it."""
    balance = tx.execute(_MOVE, {"row_id": account_id, "delta": delta, "now": now}).scalar_one()
    refuse_out_of_range(balance, "/amount")


def refuse_out_of_range(balance: Decimal, pointer: str) -> None:
    if abs(balance) > LIMIT:
        raise InvalidInput.one(
            pointer, "out_of_range", "The account's balance would leave ±100000000000000."
        )


def _last4(number: str | None) -> str | None:
    digits = "".join(character for character in number or "" if character.isalnum())
    # A short number would be given away whole by its last four.
    return digits[-LAST4:] if len(digits) > LAST4 else None


def _listed(row: Sequence[Any]) -> dict[str, Any]:
    """Show a row of `_LISTED`, by position."""
    shown = dict(zip(_NAMES, row, strict=True))
    for name in ("opening_balance", "balance"):
        shown[name] = format_amount(shown[name], shown["currency"])
    return shown
