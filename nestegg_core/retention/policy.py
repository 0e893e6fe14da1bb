"""The built-in retention policy, and what all policies decide for one organization on one day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

from nestegg_core.contracts.context import PluginContext
from nestegg_core.contracts.retention import Expire, Hold, RetentionPolicy
from nestegg_core.errors import PluginFault
from nestegg_core.settings.types import invalid

# The only kind of record that expires. What hangs on a transaction goes with it.
TRANSACTION = "transaction"

Policies = Sequence[tuple[str, RetentionPolicy]]  # with the names that operators know

# A hundred years: more is a slip of the finger, and dates end somewhere.
LONGEST = 36_525


def _sensible(days: int | None) -> int | None:
    if days is not None and days < 1:
        raise invalid(
            "would let every transaction expire",
            "write a number of days, e.g. 2555 for seven years, or leave it out to keep all",
        )
    if days is not None and days > LONGEST:
        raise invalid(
            f"is more than a hundred years ({LONGEST} days)",
            "write a smaller number of days, or leave it out to keep all",
        )
    return days


class AgeSettings(BaseSettings):
    data_retention_days: Annotated[int | None, AfterValidator(_sensible)] = Field(
        default=None,
        description="Days that transactions are kept; 7 years are about 2555. Not set: for ever.",
    )


@dataclass(frozen=True, slots=True)
class TransactionAge:
    days: int | None

    def decide(self, org_id: UUID, today: date) -> Sequence[Expire | Hold]:
        """Let everything expire that is dated more than `days` ago, in every organization."""
        del org_id
        if self.days is None:
            return []
        return [Expire(TRANSACTION, before=today - timedelta(days=self.days))]


def make_transaction_age(ctx: PluginContext[AgeSettings]) -> TransactionAge:
    return TransactionAge(ctx.settings.data_retention_days)


@dataclass(frozen=True, slots=True)
class Cutoff:
    """Rows dated earlier than the day `before` go, by the policies of these names."""

    before: date
    policies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What may go in one organization: rows behind the cut-off `everywhere` (`None` lets them
    stay), or behind an account's own, later one; not those `held`, and nothing while there are
    `reasons`.
    """

    org_id: UUID
    everywhere: Cutoff | None
    accounts: Mapping[UUID, Cutoff]
    held: frozenset[UUID]
    reasons: tuple[str, ...]

    def cutoff(self, account_id: UUID) -> Cutoff | None:
        """Up to where an account's rows go; `None` when nothing goes."""
        return None if self.reasons else self.accounts.get(account_id, self.everywhere)

    @property
    def days(self) -> list[date]:
        """The days of all cut-offs, in order."""
        own = {cutoff.before for cutoff in self.accounts.values()}
        return sorted(own | ({self.everywhere.before} if self.everywhere else set()))


def make_plan(policies: Policies, org_id: UUID, today: date) -> Plan:
    """Ask every policy about an organization, and put the answers together: a row goes when one
    policy lets it expire and none holds it. Raises `PluginFault` for an answer that cannot be
    followed; then nothing of the organization may go.
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
    everywhere = _latest(
        (name, expire.before) for name, expire in expired if expire.accounts is None
    )
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
    """The cut-offs of accounts that lose more than the rest does."""
    days: dict[UUID, list[tuple[str, date]]] = {}
    for name, expire in expired:
        for account_id in expire.accounts or ():
            days.setdefault(account_id, []).append((name, expire.before))
    shared = [(name, everywhere.before) for name in everywhere.policies] if everywhere else []
    cutoffs = {account_id: _latest([*shared, *own]) for account_id, own in days.items()}
    return {key: cutoff for key, cutoff in cutoffs.items() if cutoff and cutoff != everywhere}


def _latest(days: Iterable[tuple[str, date]]) -> Cutoff | None:
    """The latest day and everyone who named it."""
    named = list(days)
    if not named:
        return None
    before = max(day for _, day in named)
    return Cutoff(before, tuple(dict.fromkeys(name for name, day in named if day == before)))
