"""The retention policy."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from nestegg_core import Expire, Hold, PluginContext
from nestegg_retention_legal_hold.settings import LegalHoldSettings

REASON = "legal hold: LEGAL_HOLD_ORGANIZATIONS names the organization"


class LegalHold:
    """Fulfils `nestegg_core.RetentionPolicy`: what it holds stays, whatever others let expire."""

    def __init__(self, held: frozenset[UUID]) -> None:
        self._held = held

    def decide(self, org_id: UUID, today: date) -> Sequence[Expire | Hold]:
        """Hold every transaction of an organization that is named."""
        del today
        return [Hold("transaction", REASON)] if org_id in self._held else []


def make_policy(context: PluginContext[LegalHoldSettings]) -> LegalHold:
    """Make the policy from its settings."""
    return LegalHold(context.settings.held)
