"""The route: an organization's users may know that theirs is held."""

from pydantic import BaseModel

from nestegg_core import RouteCall
from nestegg_retention_legal_hold.policy import REASON
from nestegg_retention_legal_hold.settings import LegalHoldSettings


class HoldAnswer(BaseModel):
    """Whether an organization's records are under a legal hold."""

    held: bool
    reason: str | None


def read_hold(call: RouteCall, settings: LegalHoldSettings) -> HoldAnswer:
    """Answer for the organization of the path, which the framework has checked."""
    held = call.org_id in settings.held
    return HoldAnswer(held=held, reason=REASON if held else None)
