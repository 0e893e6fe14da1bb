"""What a run would delete, or has deleted, counted by account."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.tables import accounts, in_org, transactions
from nestegg_core.database.types import exact_sum
from nestegg_core.errors import NestEggError
from nestegg_core.retention.plan import Cutoff, Plan

_CHUNK = 500

_ACCOUNTS = (
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
    found = ((row, made.cutoff(row.id)) for row in tx.execute(_ACCOUNTS).all())
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
