"""Imports: a statement is previewed, committed whole or not at all, and can be taken out again."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, delete, func, insert, select

from nestegg_core.contracts.importers import Question, Statement, StatementRow
from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.paging import LAST, Page, page_by_id, page_of, position
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import accounts, import_rows, imports, in_org, transactions
from nestegg_core.database.types import exact_sum, new_id
from nestegg_core.errors import Conflict, StatementError
from nestegg_core.ledger.accounts import first_day, lock_account, move_balance, refuse_out_of_range
from nestegg_core.ledger.balances import delete_row, lock_version, new_stamps, read_row, update_row
from nestegg_core.ledger.categories import Categories, name_key
from nestegg_core.ledger.import_keys import DUPLICATE, ERROR, NEW, classify, import_key
from nestegg_core.ledger.money import format_amount
from nestegg_core.ledger.transactions import PURGED, search_text

PREVIEWED, COMMITTED, REVERTED = "previewed", "committed", "reverted"

HELD = ("pending", "reverted")  # by the bank: such rows are shown, and not booked

OTHER_CURRENCY = {
    "code": "other_currency",
    "detail": "The amount is in another currency than the account.",
    "field": "currency",
}
BEFORE_OPENING = {
    "code": "before_opening",
    "detail": "The account was opened after this day.",
    "field": "date",
}


_BOOKED = ("date", "amount", "payee", "description", "external_id")
_SHOWN = (
    *("id", "account_id", "status", "importer", "file_name", "decisions", "warnings"),
    *("created_at", "updated_at", "version"),
)
_ROW_SHOWN = (
    *("line", "status", "problems", "date", "payee", "description", "category", "external_id"),
    "has_notes",
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A statement that an importer has read; `file_name` is as the client gave it, or empty."""

    importer: str
    file_name: str
    statement: Statement
    user_id: UUID


@dataclass(frozen=True, slots=True)
class Imports:
    rows: SealedRows
    categories: Categories
    clock: Callable[[], datetime]

    def preview(self, tx: Transaction, account_id: UUID, upload: Upload) -> dict[str, Any]:
        """Store what an importer read, with every row classified; no balance moves."""
        account = lock_account(tx, account_id, "account_id")
        statement = upload.statement
        if statement.currency not in {None, account.currency}:
            raise StatementError(
                "other_currency",
                f"The statement is in {statement.currency}, the account in {account.currency}.",
            )
        keys = [
            import_key(row) if _is_bookable(row, account.currency) else None
            for row in statement.rows
        ]
        days = [row.date for row in statement.rows]
        held = [None if row.problems else row.status for row in statement.rows]
        found = classify(tx, account_id, first_day(account), list(zip(keys, days, strict=True)))
        statuses = _with_held(found, held)
        new_sum = sum(
            (
                row.amount
                for row, status in zip(statement.rows, statuses, strict=True)
                if status == NEW and row.amount is not None
            ),
            Decimal(),
        )
        balance_after = account.balance + new_sum
        refuse_out_of_range(balance_after, "file")
        import_id = new_id()
        counts = Counter(statuses)
        tx.execute(
            insert(imports),
            {
                "org_id": tx.org_id,
                "id": import_id,
                "account_id": account_id,
                "status": PREVIEWED,
                "importer": upload.importer,
                "file_name": upload.file_name,
                "decisions": dict(statement.decisions),
                "warnings": list(statement.warnings),
                "new_rows": counts[NEW],
                "duplicate_rows": counts[DUPLICATE],
                "error_rows": counts[ERROR],
                **{f"{status}_rows": counts[status] for status in HELD},
                "questions": [_question(question) for question in statement.questions],
                "statement_balance": statement.closing_balance,
                "balance_after": balance_after,
                "created_by": upload.user_id,
                **new_stamps(self.clock()),
            },
        )
        classified = enumerate(zip(statement.rows, keys, statuses, strict=True))
        staged = [
            self._staged((tx.org_id, import_id, position), row, key, status, account)
            for position, (row, key, status) in classified
        ]
        if staged:
            tx.execute(insert(import_rows), staged)
        return self.read(tx, import_id)

    def _staged(
        self,
        place: tuple[UUID, UUID, int],
        row: StatementRow,
        key: bytes | None,
        status: str,
        account: Row[Any],
    ) -> dict[str, Any]:
        problems = [
            {"code": problem.code, "detail": problem.detail, "field": problem.field}
            for problem in row.problems
        ]
        if status == ERROR and not problems:
            problems = [_refusal(row, account)]
        values = {
            **dict(zip(("org_id", "import_id", "position"), place, strict=True)),
            **{name: getattr(row, name) for name in ("line", "category", *_BOOKED)},
            "status": status,
            "problems": problems,
            "notes": row.notes or None,
            "import_key": key,
        }
        return self.rows.seal(import_rows, values)

    def page(
        self, tx: Transaction, *, limit: int, after: tuple[Any, ...] | None
    ) -> Page[dict[str, Any]]:
        statement = (
            select(imports, accounts.c.currency)
            .join(
                accounts,
                (accounts.c.org_id == imports.c.org_id) & (accounts.c.id == imports.c.account_id),
            )
            .where(in_org(imports), imports.c.id < position(after, otherwise=LAST))
        )
        rows = tx.execute(statement.order_by(imports.c.id.desc()).limit(limit + 1)).all()
        return page_by_id(rows, limit, lambda row: _shown(row, row.currency))

    def read(self, tx: Transaction, import_id: UUID) -> dict[str, Any]:
        row = read_row(tx, imports, import_id)
        return _shown(row, read_row(tx, accounts, row.account_id).currency)

    def rows_page(
        self,
        tx: Transaction,
        import_id: UUID,
        *,
        status: str | None,
        limit: int,
        after: tuple[Any, ...] | None,
    ) -> Page[dict[str, Any]]:
        """In the file's order; only rows of a status, if one is given."""
        entry = read_row(tx, imports, import_id)
        currency = read_row(tx, accounts, entry.account_id).currency
        columns = [column for column in import_rows.columns if column.name != "notes"]
        statement = select(*columns, import_rows.c.notes.is_not(None).label("has_notes")).where(
            in_org(import_rows), import_rows.c.import_id == import_id
        )
        if status is not None:
            statement = statement.where(import_rows.c.status == status)
        if after is not None:
            statement = statement.where(import_rows.c.position > after[0])
        rows = tx.execute(statement.order_by(import_rows.c.position).limit(limit + 1)).all()
        rows, last = page_of(rows, limit, lambda row: (row.position,))
        return Page([_row_shown(row, currency) for row in rows], last)

    def commit(self, tx: Transaction, import_id: UUID) -> dict[str, Any]:
        """Book every new row, under the account's lock, or none."""
        entry, account = self._locked(tx, import_id)
        if entry.status != PREVIEWED:
            raise Conflict("import-not-previewed", f"The import is {entry.status} already.")
        if entry.questions:
            asked = ", ".join(sorted({f"`{question['decision']}`" for question in entry.questions}))
            raise Conflict(
                "import-unanswered",
                "The file leaves open what only you can tell. Upload it again with an option for "
                f"each question: {asked}.",
            )
        staged = tx.execute(
            select(import_rows)
            .where(in_org(import_rows), import_rows.c.import_id == import_id)
            .order_by(import_rows.c.position)
        ).all()
        found = classify(
            tx,
            account.id,
            first_day(account),
            [(row.import_key and bytes(row.import_key), row.date) for row in staged],
        )
        if _with_held(found, [row.status for row in staged]) != [row.status for row in staged]:
            raise Conflict(
                "import-changed",
                "The account has changed since the preview, and other rows are new now. "
                "Upload the file again for a new preview.",
            )
        now = self.clock()
        new = [row for row in staged if row.status == NEW]
        total = sum((row.amount for row in new), Decimal())
        balance_after = account.balance + total
        refuse_out_of_range(balance_after, "")
        if new:
            tx.execute(insert(transactions), self._booked(tx, account, import_id, new, now))
        move_balance(tx, account.id, total, now)
        values = {"status": COMMITTED, "balance_after": balance_after}
        update_row(tx, imports, entry, values, now)
        return self.read(tx, import_id)

    def _booked(
        self,
        tx: Transaction,
        account: Row[Any],
        import_id: UUID,
        new: list[Row[Any]],
        now: datetime,
    ) -> list[dict[str, Any]]:
        categories = self.categories.by_name(tx)
        return [
            self.rows.seal(
                transactions,
                {
                    "org_id": account.org_id,
                    "id": new_id(),
                    "account_id": account.id,
                    **{name: row._mapping[name] for name in (*_BOOKED, "import_key")},
                    "search_text": search_text(row.payee, row.description),
                    "category_id": categories.get(name_key(row.category)),
                    "status": "posted",
                    **self.rows.open(import_rows, row, ("notes",)),
                    "import_id": import_id,
                    **new_stamps(now),
                },
            )
            for row in new
        ]

    def revert(self, tx: Transaction, import_id: UUID) -> dict[str, Any]:
        """Take the rows of a committed import out again."""
        entry, account = self._locked(tx, import_id)
        if entry.status != COMMITTED:
            raise Conflict("import-not-committed", f"The import is {entry.status}.")
        own = (in_org(transactions), transactions.c.import_id == bindparam("import_id"))
        kept = tx.execute(
            select(
                func.count().label("count"),
                func.max(transactions.c.version).label("version"),
                exact_sum(transactions.c.amount).label("total"),
            ).where(*own, transactions.c.account_id == account.id),
            {"import_id": import_id},
        ).one()
        if kept.count != entry.new_rows or (kept.version or 1) != 1:
            raise Conflict(
                "import-rows-changed",
                "A row of the import has gone or been changed since, so taking the others out "
                "would leave half of it.",
            )
        now = self.clock()
        tx.execute(delete(transactions).where(*own), {"import_id": import_id})
        move_balance(tx, account.id, -(kept.total or Decimal()), now)
        update_row(tx, imports, entry, {"status": REVERTED}, now)
        return self.read(tx, import_id)

    def delete(self, tx: Transaction, import_id: UUID, version: int) -> None:
        """Forget a preview or a reverted import. The rows of a committed one would lose where they
        came from.
        """
        row = lock_version(tx, imports, import_id, version)
        if row.status == COMMITTED:
            raise Conflict("import-committed", "Revert the import before deleting it.")
        tx.execute(
            delete(import_rows).where(in_org(import_rows), import_rows.c.import_id == import_id)
        )
        delete_row(tx, imports, row)

    def _locked(self, tx: Transaction, import_id: UUID) -> tuple[Row[Any], Row[Any]]:
        """Lock the account before the import, as everyone locks accounts first."""
        account = lock_account(tx, read_row(tx, imports, import_id).account_id)
        return read_row(tx, imports, import_id, lock=True), account


def _is_bookable(row: StatementRow, currency: str) -> bool:
    is_own = row.currency is None or row.currency == currency
    return is_own and not row.problems and row.status not in HELD


def _with_held(found: Sequence[str], held: Sequence[str | None]) -> list[str]:
    """The statuses, but without those that the bank itself holds back."""
    return [own if own in HELD else status for status, own in zip(found, held, strict=True)]


def _refusal(row: StatementRow, account: Row[Any]) -> dict[str, str]:
    if row.currency not in {None, account.currency}:
        return OTHER_CURRENCY
    if account.purged_until and row.date and row.date <= account.purged_until:
        return {"code": "purged", "detail": PURGED, "field": "date"}
    return BEFORE_OPENING


def _question(question: Question) -> dict[str, Any]:
    return {
        "decision": question.decision,
        "choices": dict(question.choices),
        "evidence": question.evidence,
        "rows": list(question.lines),
    }


def _shown(row: Row[Any], currency: str) -> dict[str, Any]:
    return {
        **{name: row._mapping[name] for name in _SHOWN},
        "counts": {
            "new": row.new_rows,
            "duplicate": row.duplicate_rows,
            "error": row.error_rows,
            **{status: row._mapping[f"{status}_rows"] for status in HELD},
        },
        "questions": row.questions or [],
        "currency": currency,
        "balance_after": format_amount(row.balance_after, currency),
        "reconciliation": _reconciliation(row.statement_balance, row.balance_after, currency),
    }


def _reconciliation(
    stated: Decimal | None, computed: Decimal, currency: str
) -> Mapping[str, str] | None:
    """Compare the statement's own balance with ours; a difference is reported, not refused."""
    if stated is None:
        return None
    return {
        "statement_balance": format_amount(stated, currency),
        "difference": format_amount(computed - stated, currency),
    }


def _row_shown(row: Row[Any], currency: str) -> dict[str, Any]:
    return {
        **{name: row._mapping[name] for name in _ROW_SHOWN},
        "amount": None if row.amount is None else format_amount(row.amount, currency),
        "currency": currency,
    }
