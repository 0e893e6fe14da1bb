"""Retention policies: which rows have had their time, said in values and not in SQL."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from nestegg_core.contracts.context import PluginContext


@dataclass(frozen=True, slots=True)
class Expire:
    """Rows whose time is over.

    Attributes:
        record: what kind of row, e.g. `transaction`.
        before: rows dated earlier than this day expire; the day itself stays.
        accounts: only these accounts; `None` means all of the organization.

    Example:
        >>> Expire("transaction", before=date(2019, 2, 23)).accounts is None
        True
    """

    record: str
    before: date
    accounts: frozenset[UUID] | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Rows that must stay whatever another policy says, e.g. under a legal hold.

    Attributes:
        record: what kind of row, e.g. `transaction`.
        reason: shown to the operator.
        ids: only these rows; `None` means every row of the kind.
    """

    record: str
    reason: str
    ids: frozenset[UUID] | None = None


class RetentionPolicy(Protocol):
    """Decides for one organization on one day."""

    def decide(self, org_id: UUID, today: date) -> Sequence[Expire | Hold]:
        """Return what expires and what is held; an empty sequence leaves everything alone."""
        ...


@dataclass(frozen=True, slots=True)
class RetentionPolicyRegistration:
    """A retention policy on offer, chosen by its name in `RETENTION_POLICIES`."""

    name: str
    settings: type["BaseSettings"]
    factory: Callable[["PluginContext[Any]"], RetentionPolicy]
