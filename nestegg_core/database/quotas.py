"""Quotas: how many of something there may be, held also by requests that come at once."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select

from nestegg_core.contracts.storage import Transaction
from nestegg_core.errors import QuotaExceeded


@dataclass(frozen=True, slots=True)
class Quota:
    """A number that the operator has set.

    Attributes:
        setting: its variable, which the error names.
        limit: how many there may be.
    """

    setting: str
    limit: int

    def require(self, tx: Transaction, owner: UUID, count: Select[Any]) -> None:
        """Refuse one more; until the transaction ends nobody else adds one to the same owner.

        Args:
            tx: the transaction in which it is to be made.
            owner: whose they are: an organization or a user.
            count: selects how many there are.

        Raises:
            QuotaExceeded: there are as many as there may be.
        """
        tx.lock(f"{self.setting} {owner}")
        if int(tx.execute(count).scalar_one()) >= self.limit:
            raise QuotaExceeded(self.setting, self.limit)
