"""Receipts: what a live run deleted in an organization, kept when the rows have gone."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, insert, select, update

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.paging import LAST, Page, page_of, position
from nestegg_core.database.tables import (
    accounts,
    in_org,
    retention_receipt_accounts,
    retention_receipts,
    transactions,
)
from nestegg_core.database.types import exact_sum, new_id
from nestegg_core.errors import NestEggError
from nestegg_core.retention.policy import Cutoff, Plan

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
    """Transactions of one account that go or went, and their sum; rows of statements that went (a
    dry run does not count them); and how many transactions are old enough and `held`.
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
    """Rows of one organization that go: the days of all cut-offs, why everything is held (empty
    when not everything is), and the accounts with a cut-off.
    """

    org_id: UUID
    days: Sequence[date]
    reasons: Sequence[str]
    accounts: Sequence[AccountCount]

    @property
    def transactions(self) -> int:
        return sum(account.transactions for account in self.accounts)

    def by_day(self) -> Iterator[tuple[date, int]]:
        """Each cut-off with the number of transactions that it takes."""
        for day in self.days:
            accounts = (account for account in self.accounts if account.cutoff.before == day)
            yield day, sum(account.transactions for account in accounts)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run, or a preview, came to: `day` is the day that the policies were asked about, and
    `failures` says why an organization, or an account of it, was left alone.
    """

    day: date
    live: bool
    organizations: list[OrganizationCount] = field(default_factory=list)
    failures: list[tuple[UUID, NestEggError]] = field(default_factory=list)

    @property
    def transactions(self) -> int:
        return sum(organization.transactions for organization in self.organizations)


def accounts_of(tx: Transaction, plan: Plan) -> list[AccountCount]:
    """Every account that has a cut-off, with nothing counted yet."""
    rows = ((row, plan.cutoff(row.id)) for row in tx.execute(_ALL_ACCOUNTS).all())
    return [AccountCount(row.id, row.currency, cutoff) for row, cutoff in rows if cutoff]


def count_expired(tx: Transaction, plan: Plan) -> list[AccountCount]:
    """Count what goes, account by account; one that has a cut-off and nothing to lose is 0."""
    counts = {count.account_id: count for count in accounts_of(tx, plan)}
    for count in counts.values():
        parameters = {"account_id": count.account_id, "before": count.cutoff.before}
        row = tx.execute(_EXPIRED, parameters).one()
        count.transactions, count.amount = row.rows, row.amount or Decimal()
    for row in _held(tx, plan.held) if counts else ():
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

_ACCOUNT_SHOWN = ("account_id", "currency", "before", "policies", "transactions", "import_rows")

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
    .where(in_org(retention_receipts), _R.id < bindparam("after_id"))
    .order_by(_R.id.desc())
    .limit(bindparam("count"))
)
_ACCOUNTS = (
    select(retention_receipt_accounts)
    .where(
        in_org(retention_receipt_accounts),
        _A.receipt_id.in_(bindparam("receipts", expanding=True)),
    )
    .order_by(_A.receipt_id, _A.account_id)
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receipt of one run in one organization. Each batch writes in its own transaction, so a
    run that was cut short has a true receipt. A run that deletes nothing leaves none. It was
    started by `schedule`, `command` or `user`.
    """

    day: date
    started_by: str
    started_at: datetime
    id: UUID = field(default_factory=new_id)

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
            "receipt": self.id,
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
                    "receipt_id": self.id,
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
        if tx.execute(_HEAD, {"receipt": self.id}).first() is None:
            tx.execute(
                insert(retention_receipts),
                {
                    "org_id": tx.org_id,
                    "id": self.id,
                    "day": self.day,
                    "started_by": self.started_by,
                    "started_at": self.started_at,
                },
            )


@dataclass(frozen=True, slots=True)
class Receipts:
    write_amount: Callable[[Decimal, str], str]

    def page(
        self, tx: Transaction, *, limit: int, after: tuple[Any, ...] | None
    ) -> Page[dict[str, Any]]:
        """The newest first."""
        after_id = position(after, otherwise=LAST)
        rows = tx.execute(_PAGE, {"count": limit + 1, "after_id": after_id}).all()
        rows, last = page_of(rows, limit, lambda row: (str(row.id),))
        accounts = defaultdict(list)
        for account in tx.execute(_ACCOUNTS, {"receipts": [row.id for row in rows]}):
            accounts[account.receipt_id].append(account)
        return Page([self._shown(row, accounts[row.id]) for row in rows], last)

    def _shown(self, row: Row[Any], accounts: Sequence[Row[Any]]) -> dict[str, Any]:
        return {
            **{name: row._mapping[name] for name in ("id", "day", "started_by", "started_at")},
            "updated_at": max(account.updated_at for account in accounts),
            "transactions": sum(account.transactions for account in accounts),
            "import_rows": sum(account.import_rows for account in accounts),
            "accounts": [
                {
                    **{name: account._mapping[name] for name in _ACCOUNT_SHOWN},
                    "amount": self.write_amount(account.amount, account.currency),
                }
                for account in accounts
            ],
        }
