"""The health check: a hold that is not in force is worse than none."""

from collections.abc import Sequence

from nestegg_core import Finding
from nestegg_retention_legal_hold.settings import LegalHoldSettings


def check_hold(settings: LegalHoldSettings) -> Sequence[Finding]:
    """Return what is wrong with the settings taken together."""
    if not settings.held or "legal_hold" in settings.retention_policies:
        return []
    return [
        Finding(
            "Organizations are under a legal hold, but the policy is not in force",
            "add legal_hold to RETENTION_POLICIES",
        )
    ]
