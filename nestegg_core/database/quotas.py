"""Quotas: how many of something there may be, held also by requests that come at once."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select

from nestegg_core.contracts.storage import Transaction
from nestegg_core.errors import QuotaExceeded


@dataclass(frozen=True, slots=True)
class Quota:
    """A number that the operator has set in the variable `setting`, which the error names."""

    setting: str
    limit: int

    def require(self, tx: Transaction, owner: UUID, count: Select[Any]) -> None:
        """Refuse one more (`QuotaExceeded`); until the transaction ends nobody else adds one to the
        same owner, an organization or a user.
        """
        tx.lock(f"{self.setting} {owner}")
        if int(tx.execute(count).scalar_one()) >= self.limit:
            raise QuotaExceeded(self.setting, self.limit)
