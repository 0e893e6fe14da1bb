"""A model of the ledger: what rows there should be, and what they add up to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from nestegg_core.ledger.money import LIMIT

Line = tuple[date, Decimal]
"""A row of a statement."""


@dataclass(frozen=True)
class Account:
    """An account as it should be."""

    opening: Decimal
    opened: date | None


@dataclass(frozen=True)
class Booked:
    """A transaction as it should be; `line` is the row of a statement that it came from."""

    account: UUID
    day: date
    amount: Decimal
    import_id: UUID | None = None
    line: Line | None = None
    version: int = 1


@dataclass
class Staged:
    """An import as it should be."""

    account: UUID
    lines: Sequence[Line]
    statuses: Sequence[str]
    state: str = "previewed"


@dataclass
class Model:
    """An organization's ledger as it should be."""

    accounts: dict[UUID, Account] = field(default_factory=dict)
    booked: dict[UUID, Booked] = field(default_factory=dict)
    imports: dict[UUID, Staged] = field(default_factory=dict)

    def balance(self, account: UUID, *, without: UUID | None = None) -> Decimal:
        moved = (
            one.amount
            for key, one in self.booked.items()
            if one.account == account and key != without
        )
        return self.accounts[account].opening + sum(moved, Decimal())

    def may_book(self, account: UUID, day: date, balance: Decimal) -> bool:
        opened = self.accounts[account].opened
        return (opened is None or day >= opened) and abs(balance) <= LIMIT

    def classified(self, account: UUID, rows: Sequence[Line]) -> list[str]:
        opened = self.accounts[account].opened
        stored = Counter(one.line for one in self.booked.values() if one.account == account)
        statuses = []
        for line in rows:
            if opened is not None and line[0] < opened:
                statuses.append("error")
            elif stored[line] > 0:
                stored[line] -= 1
                statuses.append("duplicate")
            else:
                statuses.append("new")
        return statuses

    def new_sum(self, staged: Staged) -> Decimal:
        rows = zip(staged.lines, staged.statuses, strict=True)
        return sum((amount for (_, amount), status in rows if status == "new"), Decimal())
