"""What the policies decided for one organization on one day, put together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from nestegg_core.contracts.retention import Expire, Hold, RetentionPolicy
from nestegg_core.errors import PluginFault

TRANSACTION = "transaction"
"""The only kind of record that expires. What hangs on a transaction goes with it."""

Policies = Sequence[tuple[str, RetentionPolicy]]
"""Policies with the names that operators know them by."""


@dataclass(frozen=True, slots=True)
class Cutoff:
    """Where the past ends.

    Attributes:
        before: rows dated earlier than this day go.
        policies: who says so.
    """

    before: date
    policies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What may go in one organization.

    Attributes:
        org_id: the organization.
        everywhere: for accounts without a cut-off of their own; `None` lets their rows stay.
        accounts: cut-offs of single accounts, later than the one for all.
        held: transactions that stay whatever their day.
        reasons: why everything stays; empty when not everything is held.
    """

    org_id: UUID
    everywhere: Cutoff | None
    accounts: Mapping[UUID, Cutoff]
    held: frozenset[UUID]
    reasons: tuple[str, ...]

    def cutoff(self, account_id: UUID) -> Cutoff | None:
        """Return up to where an account's rows go; `None` when nothing goes."""
        return None if self.reasons else self.accounts.get(account_id, self.everywhere)

    @property
    def days(self) -> list[date]:
        """The days of all cut-offs, in order."""
        own = {cutoff.before for cutoff in self.accounts.values()}
        return sorted(own | ({self.everywhere.before} if self.everywhere else set()))


def plan(policies: Policies, org_id: UUID, today: date) -> Plan:
    """Ask every policy about an organization, and put the answers together.

    A row goes when one policy lets it expire and none holds it.

    Raises:
        PluginFault: a policy answered what cannot be done; nothing of the organization may go.

    Example:
        >>> from nestegg_core.retention.policy import TransactionAge
        >>> made = plan([("age", TransactionAge(365))], UUID(int=1), date(2026, 3, 1))
        >>> made.cutoff(UUID(int=2)).before
        datetime.date(2025, 3, 1)
    """
    expired: list[tuple[str, Expire]] = []
    held: set[UUID] = set()
    reasons: list[str] = []
    for name, policy in policies:
        for decision in policy.decide(org_id, today):
            _refuse_unfit(name, decision, today)
            if isinstance(decision, Expire):
                expired.append((name, decision))
            elif decision.ids is None:
                reasons.append(decision.reason)
            else:
                held |= decision.ids
    everywhere = _latest((name, one.before) for name, one in expired if one.accounts is None)
    accounts = _of_accounts(expired, everywhere)
    return Plan(org_id, everywhere, accounts, frozenset(held), tuple(reasons))


def _refuse_unfit(name: str, decision: object, today: date) -> None:
    if not isinstance(decision, Expire | Hold):
        raise PluginFault(name, "decide", "answered something other than Expire and Hold")
    if decision.record != TRANSACTION:
        raise PluginFault(
            name, "decide", f"named a kind of record that does not exist; there is: {TRANSACTION}"
        )
    if isinstance(decision, Expire):
        if type(decision.before) is not date:  # a datetime is a date to isinstance
            raise PluginFault(name, "decide", "answered Expire(before=...) with no date")
        if decision.before >= today:
            raise PluginFault(
                name,
                "decide",
                "would let every row expire: Expire(before=...) must be a day that has passed",
            )


def _of_accounts(
    expired: Sequence[tuple[str, Expire]], everywhere: Cutoff | None
) -> dict[UUID, Cutoff]:
    """Return the cut-offs of accounts that lose more than the rest does."""
    days: dict[UUID, list[tuple[str, date]]] = {}
    for name, one in expired:
        for account_id in one.accounts or ():
            days.setdefault(account_id, []).append((name, one.before))
    shared = [(name, everywhere.before) for name in everywhere.policies] if everywhere else []
    cutoffs = {account_id: _latest([*shared, *own]) for account_id, own in days.items()}
    return {key: cutoff for key, cutoff in cutoffs.items() if cutoff and cutoff != everywhere}


def _latest(days: Iterable[tuple[str, date]]) -> Cutoff | None:
    """Return the latest day and everyone who named it; `None` without any."""
    named = list(days)
    if not named:
        return None
    before = max(day for _, day in named)
    return Cutoff(before, tuple(dict.fromkeys(name for name, day in named if day == before)))
