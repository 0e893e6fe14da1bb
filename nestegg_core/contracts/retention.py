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
        record: what kind of row: `transaction`.
        before: rows dated earlier than this day expire; the day itself stays. Never later than
            the day that the policy was asked for.
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
        record: what kind of row: `transaction`.
        reason: shown to the operator, in one line.
        ids: only these rows; `None` means every row of the kind.

    Example:
        >>> Hold("transaction", reason="Legal hold 2026-17").ids is None
        True
    """

    record: str
    reason: str
    ids: frozenset[UUID] | None = None


class RetentionPolicy(Protocol):
    """Decides for one organization on one day. Asking changes nothing.

    Example:
        >>> class LegalHold:
        ...     def decide(self, org_id, today):
        ...         return [Hold("transaction", reason="Legal hold")] if org_id.int == 1 else []
        >>> policy: RetentionPolicy = LegalHold()
        >>> policy.decide(UUID(int=2), date(2026, 3, 1))
        []
    """

    def decide(self, org_id: UUID, today: date) -> Sequence[Expire | Hold]:
        """Return what expires and what is held; an empty sequence leaves everything alone.

        Never raises: a policy that cannot tell holds.

        Args:
            org_id: the organization; the policy may never have heard of it.
            today: the day in UTC.
        """
        ...


@dataclass(frozen=True, slots=True)
class RetentionPolicyRegistration:
    """A retention policy on offer, chosen by its name in `RETENTION_POLICIES`.

    Attributes:
        name: what operators write, e.g. `legal_hold`.
        settings: settings class, loaded only when the policy is chosen.
        factory: makes the policy; must not touch the network.

    Example:
        >>> from pydantic_settings import BaseSettings
        >>> class HoldSettings(BaseSettings):
        ...     legal_hold_organizations: str = ""
        >>> RetentionPolicyRegistration("legal_hold", HoldSettings, lambda context: ...).name
        'legal_hold'
    """

    name: str
    settings: type["BaseSettings"]
    factory: Callable[["PluginContext[Any]"], RetentionPolicy]
