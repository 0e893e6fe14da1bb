"""The built-in retention policy: transactions older than a number of days have had their time."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

from nestegg_core.contracts.context import PluginContext
from nestegg_core.contracts.retention import Expire, Hold
from nestegg_core.settings.types import invalid

LONGEST = 36_525
"""A hundred years: more is a slip of the finger, and dates end somewhere."""


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
    """How long transactions are kept."""

    data_retention_days: Annotated[int | None, AfterValidator(_sensible)] = Field(
        default=None,
        description="Days that transactions are kept; 7 years are about 2555. Not set: for ever.",
    )


class TransactionAge:
    """Fulfils `nestegg_core.RetentionPolicy` by age alone.

    Example:
        >>> from uuid import UUID
        >>> TransactionAge(365).decide(UUID(int=1), date(2026, 3, 1))[0].before
        datetime.date(2025, 3, 1)
    """

    def __init__(self, days: int | None) -> None:
        self._days = days

    def decide(self, org_id: UUID, today: date) -> Sequence[Expire | Hold]:
        """Let everything expire that is dated more than `days` ago, in every organization."""
        del org_id
        if self._days is None:
            return []
        return [Expire("transaction", before=today - timedelta(days=self._days))]


def make_transaction_age(ctx: PluginContext[AgeSettings]) -> TransactionAge:
    """Make the policy from its settings."""
    return TransactionAge(ctx.settings.data_retention_days)
