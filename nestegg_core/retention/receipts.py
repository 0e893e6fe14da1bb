"""Receipts: what a live run deleted in an organization, kept when the rows have gone."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, insert, select, update

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.paging import Page
from nestegg_core.database.tables import (
    accounts,
    in_org,
    retention_receipt_accounts,
    retention_receipts,
    transactions,
)
from nestegg_core.database.types import exact_sum, new_id
from nestegg_core.errors import NestEggError
from nestegg_core.retention.plan import Cutoff, Plan

_CHUNK = 500

_ALL_ACCOUNTS = (
    select(accounts.c.id, accounts.c.currency).where(in_org(accounts)).order_by(accounts.c.id)
)
_EXPIRED = select(
    func.count().label("rows"), exact_sum(transactions.c.amount).label("amount")
).where(
    in_org(transactions),
    transactions.c.account_id == bindparam("account_id"),
    transactions.c.date < bindparam("before"),
)
_HELD = select(transactions.c.account_id, transactions.c.date, transactions.c.amount).where(
    in_org(transactions), transactions.c.id.in_(bindparam("ids", expanding=True))
)


@dataclass(slots=True)
class AccountCount:
    """Rows of one account that go.

    Attributes:
        transactions: how many go, or went.
        amount: what they add up to.
        import_rows: rows of statements that went; a dry run does not count them.
        held: how many transactions are old enough and stay.
    """

    account_id: UUID
    currency: str
    cutoff: Cutoff
    transactions: int = 0
    amount: Decimal = Decimal()
    import_rows: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class OrganizationCount:
    """Rows of one organization that go.

    Attributes:
        org_id: the organization.
        days: the days of all cut-offs in it.
        reasons: why everything is held; empty when not everything is.
        accounts: by account, those with a cut-off.
    """

    org_id: UUID
    days: Sequence[date]
    reasons: Sequence[str]
    accounts: Sequence[AccountCount]

    @property
    def transactions(self) -> int:
        """How many transactions go, or went."""
        return sum(one.transactions for one in self.accounts)

    def by_day(self) -> Iterator[tuple[date, int]]:
        """Return each cut-off with the number of transactions that it takes."""
        for day in self.days:
            own = (one for one in self.accounts if one.cutoff.before == day)
            yield day, sum(one.transactions for one in own)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run, or a preview, came to.

    Attributes:
        day: the day that the policies were asked about.
        live: whether rows were deleted.
        organizations: those that a policy has an opinion on.
        failures: why an organization, or an account of it, was left alone.
    """

    day: date
    live: bool
    organizations: list[OrganizationCount] = field(default_factory=list)
    failures: list[tuple[UUID, NestEggError]] = field(default_factory=list)

    @property
    def transactions(self) -> int:
        """How many transactions go, or went."""
        return sum(one.transactions for one in self.organizations)


def accounts_of(tx: Transaction, made: Plan) -> list[AccountCount]:
    """Return every account that has a cut-off, with nothing counted yet."""
    found = ((row, made.cutoff(row.id)) for row in tx.execute(_ALL_ACCOUNTS).all())
    return [AccountCount(row.id, row.currency, cutoff) for row, cutoff in found if cutoff]


def count_expired(tx: Transaction, made: Plan) -> list[AccountCount]:
    """Count what goes, account by account; one that has a cut-off and nothing to lose is 0."""
    counts = {one.account_id: one for one in accounts_of(tx, made)}
    for one in counts.values():
        parameters = {"account_id": one.account_id, "before": one.cutoff.before}
        row = tx.execute(_EXPIRED, parameters).one()
        one.transactions, one.amount = row.rows, row.amount or Decimal()
    for row in _held(tx, made.held) if counts else ():
        entry = counts.get(row.account_id)
        if entry is not None and row.date < entry.cutoff.before:
            entry.transactions -= 1
            entry.amount -= row.amount
            entry.held += 1
    return list(counts.values())


def _held(tx: Transaction, ids: Iterable[UUID]) -> Iterator[Any]:
    wanted = sorted(ids)
    for start in range(0, len(wanted), _CHUNK):
        yield from tx.execute(_HELD, {"ids": wanted[start : start + _CHUNK]}).all()


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
        started_by: who started the run: `schedule`, `command` or `user`.
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
    ) -> Page[dict[str, Any]]:
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
        return Page(items, (str(shown[-1].id),) if len(rows) > limit else None)

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
