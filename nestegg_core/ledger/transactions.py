"""Transactions: dated, signed amounts on an account, with whom and what for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, bindparam, insert, select, tuple_

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.paging import Page, page_of
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import accounts, in_org, transactions
from nestegg_core.database.types import new_id
from nestegg_core.errors import InvalidInput, NotFound, StaleVersion
from nestegg_core.ledger.accounts import lock_account, move_balance
from nestegg_core.ledger.balances import delete_row, lock_version, new_stamps, read_row, update_row
from nestegg_core.ledger.categories import require_category
from nestegg_core.ledger.money import format_amount

PURGED = "The account's rows of this day were purged under a retention policy."

_T = transactions.c
_FILTERS: Mapping[str, Any] = {
    "account_id": _T.account_id == bindparam("account_id"),
    "from": _T.date >= bindparam("from"),
    "to": _T.date <= bindparam("to"),
    "q": _T.search_text.like(bindparam("q"), escape="\\"),
    "category_id": _T.category_id == bindparam("category_id"),
    "min_amount": _T.amount >= bindparam("min_amount", type_=_T.amount.type),
    "max_amount": _T.amount <= bindparam("max_amount", type_=_T.amount.type),
    "status": _T.status == bindparam("status"),
    "after": tuple_(_T.date, _T.id)
    < tuple_(bindparam("after_date", type_=_T.date.type), bindparam("after_id", type_=_T.id.type)),
}

_SHOWN = (
    _T.id,
    _T.account_id,
    _T.date,
    _T.amount,
    accounts.c.currency,
    _T.payee,
    _T.description,
    _T.category_id,
    _T.status,
    _T.external_id,
    _T.import_id,
    _T.notes.is_not(None).label("has_notes"),
    _T.created_at,
    _T.updated_at,
    _T.version,
)
_NAMES = tuple(str(column.name) for column in _SHOWN)
_ID, _DATE = _NAMES.index("id"), _NAMES.index("date")


def _shown(*columns: Any) -> Select[Any]:
    return (
        select(*_SHOWN, *columns)
        .join(accounts, and_(accounts.c.org_id == _T.org_id, accounts.c.id == _T.account_id))
        .where(in_org(transactions))
    )


_ONE = _shown(_T.notes).where(_T.id == bindparam("row_id"))


@cache
def _page_statement(filters: frozenset[str]) -> Select[Any]:
    return (
        _shown()
        .where(*(_FILTERS[name] for name in sorted(filters)))
        .order_by(_T.date.desc(), _T.id.desc())
        .limit(bindparam("count"))
    )


def search_text(payee: str, description: str) -> str:
    """The text that `q` is looked for in; folded by us, so that databases agree."""
    return f"{payee}\n{description}".casefold()


@dataclass(frozen=True, slots=True)
class Transactions:
    rows: SealedRows
    clock: Callable[[], datetime]

    def page(
        self,
        tx: Transaction,
        filters: Mapping[str, Any],
        *,
        limit: int,
        after: tuple[Any, ...] | None,
    ) -> Page[dict[str, Any]]:
        """Newest first; notes stay sealed. Filters are the names of `_FILTERS`; those that are
        `None` do not count. `after` is date and id of the last row of the page before.
        """
        parameters = {name: value for name, value in filters.items() if value is not None}
        names = frozenset(parameters)
        if "q" in parameters:
            parameters["q"] = _like(parameters["q"])
        if after is not None:
            names |= {"after"}
            parameters["after_date"] = date.fromisoformat(after[0])
            parameters["after_id"] = UUID(after[1])
        parameters["count"] = limit + 1
        rows = tx.rows(_page_statement(names), parameters)
        rows, last = page_of(rows, limit, lambda row: (row[_DATE].isoformat(), str(row[_ID])))
        return Page([_listed(row) for row in rows], last)

    def read(self, tx: Transaction, transaction_id: UUID) -> dict[str, Any]:
        row = tx.execute(_ONE, {"row_id": transaction_id}).first()
        if row is None:
            raise NotFound("There is no such transaction.")
        place = {**row._mapping, "org_id": tx.org_id}
        return {**_listed(row[:-1]), **self.rows.show(transactions, place, ("notes",))}

    def create(self, tx: Transaction, values: Mapping[str, Any]) -> dict[str, Any]:
        now = self.clock()
        account = lock_account(tx, values["account_id"])
        refuse_before_opening(account, values["date"])
        require_category(tx, values["category_id"])
        row = {
            **values,
            "org_id": tx.org_id,
            "id": new_id(),
            "search_text": search_text(values["payee"], values["description"]),
            **new_stamps(now),
        }
        tx.execute(insert(transactions), self.rows.seal(transactions, row))
        move_balance(tx, account.id, values["amount"], now)
        return self.read(tx, row["id"])

    def change(
        self, tx: Transaction, transaction_id: UUID, version: int, changes: Mapping[str, Any]
    ) -> dict[str, Any]:
        now = self.clock()
        seen = read_row(tx, transactions, transaction_id)
        locked = self._lock_accounts(tx, seen.account_id, changes.get("account_id"))
        row = lock_version(tx, transactions, transaction_id, version)
        refuse_moved(seen, row)
        new = {**row._mapping, **changes}
        if (new["account_id"], new["date"]) != (row.account_id, row.date):
            refuse_before_opening(locked[new["account_id"]], new["date"])
        if locked[row.account_id].currency != locked[new["account_id"]].currency:
            raise InvalidInput.one(
                "/account_id", "other_currency", "The account has another currency."
            )
        if "category_id" in changes:
            require_category(tx, changes["category_id"])
        sealed = self.rows.seal(transactions, {**changes, "org_id": row.org_id, "id": row.id})
        values = {name: sealed[name] for name in changes}
        values["search_text"] = search_text(new["payee"], new["description"])
        update_row(tx, transactions, row, values, now)
        if new["account_id"] != row.account_id:
            move_balance(tx, row.account_id, -row.amount, now)
            move_balance(tx, new["account_id"], new["amount"], now)
        elif new["amount"] != row.amount:
            move_balance(tx, row.account_id, new["amount"] - row.amount, now)
        return self.read(tx, transaction_id)

    def delete(self, tx: Transaction, transaction_id: UUID, version: int) -> None:
        seen = read_row(tx, transactions, transaction_id)
        self._lock_accounts(tx, seen.account_id)
        row = lock_version(tx, transactions, transaction_id, version)
        refuse_moved(seen, row)
        delete_row(tx, transactions, row)
        move_balance(tx, row.account_id, -row.amount, self.clock())

    def _lock_accounts(self, tx: Transaction, *ids: UUID | None) -> dict[UUID, Row[Any]]:
        """Lock accounts before their rows, as everyone does, and in the order of their ids: two
        moves in opposite directions do not deadlock.
        """
        wanted = sorted({account_id for account_id in ids if account_id is not None})
        return {account_id: lock_account(tx, account_id) for account_id in wanted}


def refuse_moved(seen: Row[Any], locked: Row[Any]) -> None:
    """Refuse a row that moved to another account before its own account was locked."""
    if seen.account_id != locked.account_id:
        raise StaleVersion("The transaction has changed since it was read.")


def refuse_before_opening(account: Row[Any], day: date) -> None:
    if account.purged_until is not None and day <= account.purged_until:
        raise InvalidInput.one("/date", "purged", PURGED)
    if account.opening_date is not None and day < account.opening_date:
        raise InvalidInput.one("/date", "before_opening", "The account was opened after this day.")


def _like(text: str) -> str:
    folded = text.casefold()
    for special in ("\\", "%", "_"):
        folded = folded.replace(special, "\\" + special)
    return f"%{folded}%"


def _listed(row: Sequence[Any]) -> dict[str, Any]:
    """Show a row of `_SHOWN`; by position, for a page is made of many."""
    shown = dict(zip(_NAMES, row, strict=True))
    shown["amount"] = format_amount(shown["amount"], shown["currency"])
    return shown
