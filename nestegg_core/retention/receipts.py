"""Receipts: what a live run deleted in an organization, kept when the rows have gone."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, insert, select, update

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.ids import new_id
from nestegg_core.database.tables import in_org, retention_receipt_accounts, retention_receipts
from nestegg_core.retention.counts import AccountCount

_R, _A = retention_receipts.c, retention_receipt_accounts.c

_HEAD = select(_R.id).where(in_org(retention_receipts), _R.id == bindparam("receipt"))
_ADD = (
    update(retention_receipt_accounts)
    .where(
        in_org(retention_receipt_accounts),
        _A.receipt_id == bindparam("receipt"),
        _A.account_id == bindparam("account"),
    )
    .values(
        transactions=_A.transactions + bindparam("more_transactions"),
        import_rows=_A.import_rows + bindparam("more_import_rows"),
        amount=_A.amount + bindparam("more_amount", type_=_A.amount.type),
        updated_at=bindparam("now", type_=_A.updated_at.type),
    )
)
_PAGE = (
    select(retention_receipts)
    .where(in_org(retention_receipts))
    .order_by(_R.id.desc())
    .limit(bindparam("count"))
)
_NEXT_PAGE = _PAGE.where(_R.id < bindparam("after_id"))
_ACCOUNTS = (
    select(retention_receipt_accounts)
    .where(
        in_org(retention_receipt_accounts),
        _A.receipt_id.in_(bindparam("receipts", expanding=True)),
    )
    .order_by(_A.receipt_id, _A.account_id)
)


class Receipt:
    """The receipt of one run in one organization, written batch by batch.

    Each batch writes in its own transaction, so a run that was cut short has a true receipt. A
    run that deletes nothing leaves none.

    Args:
        day: the day that the policies were asked about.
        started_by: who started the run: `schedule`, `command` or `person`.
        started_at: when the organization's turn came.
    """

    def __init__(self, day: date, started_by: str, started_at: datetime) -> None:
        self._id = new_id()
        self._day = day
        self._started_by = started_by
        self._started_at = started_at

    def add(
        self,
        tx: Transaction,
        account: AccountCount,
        now: datetime,
        *,
        transactions: int = 0,
        amount: Decimal = Decimal(),
        import_rows: int = 0,
    ) -> None:
        """Add what a batch deleted, in the transaction that deletes it."""
        more = {
            "receipt": self._id,
            "account": account.account_id,
            "more_transactions": transactions,
            "more_import_rows": import_rows,
            "more_amount": amount,
            "now": now,
        }
        if tx.execute(_ADD, more).rowcount == 0:
            self._begin(tx)
            tx.execute(
                insert(retention_receipt_accounts),
                {
                    "org_id": tx.org_id,
                    "receipt_id": self._id,
                    "account_id": account.account_id,
                    "currency": account.currency,
                    "before": account.cutoff.before,
                    "policies": list(account.cutoff.policies),
                    "transactions": transactions,
                    "import_rows": import_rows,
                    "amount": amount,
                    "updated_at": now,
                },
            )

    def _begin(self, tx: Transaction) -> None:
        """Write the head, unless another account's first batch has written it."""
        if tx.execute(_HEAD, {"receipt": self._id}).first() is None:
            tx.execute(
                insert(retention_receipts),
                {
                    "org_id": tx.org_id,
                    "id": self._id,
                    "day": self._day,
                    "started_by": self._started_by,
                    "started_at": self._started_at,
                },
            )


class Receipts:
    """Reads an organization's receipts.

    Args:
        write_amount: writes an amount with its currency's decimals.
    """

    def __init__(self, write_amount: Callable[[Decimal, str], str]) -> None:
        self._write_amount = write_amount

    def page(
        self, tx: Transaction, *, limit: int, after: tuple[Any, ...] | None
    ) -> tuple[list[dict[str, Any]], tuple[Any, ...] | None]:
        """Return receipts, the newest first, and where the next page begins.

        Args:
            limit: how many at most.
            after: what the page before returned; `None` for the first.
        """
        if after is None:
            rows = tx.execute(_PAGE, {"count": limit + 1}).all()
        else:
            rows = tx.execute(_NEXT_PAGE, {"count": limit + 1, "after_id": UUID(after[0])}).all()
        shown = rows[:limit]
        ids = [row.id for row in shown]
        accounts = tx.execute(_ACCOUNTS, {"receipts": ids}).all()
        items = [
            self._shown(row, [one for one in accounts if one.receipt_id == row.id]) for row in shown
        ]
        return items, (str(shown[-1].id),) if len(rows) > limit else None

    def _shown(self, row: Row[Any], accounts: Sequence[Row[Any]]) -> dict[str, Any]:
        return {
            "id": row.id,
            "day": row.day,
            "started_by": row.started_by,
            "started_at": row.started_at,
            "updated_at": max(one.updated_at for one in accounts),
            "transactions": sum(one.transactions for one in accounts),
            "import_rows": sum(one.import_rows for one in accounts),
            "accounts": [
                {
                    "account_id": one.account_id,
                    "currency": one.currency,
                    "before": one.before,
                    "policies": one.policies,
                    "transactions": one.transactions,
                    "import_rows": one.import_rows,
                    "amount": self._write_amount(one.amount, one.currency),
                }
                for one in accounts
            ],
        }
