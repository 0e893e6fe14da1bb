"""Legal holds for Nest Egg: a policy, a command, a health check and a route."""

from collections.abc import Sequence

from nestegg_core import (
    CommandRegistration,
    HealthCheckRegistration,
    HookContext,
    RetentionPolicyRegistration,
    Route,
    hookimpl,
)
from nestegg_retention_legal_hold.command import legal_hold_command
from nestegg_retention_legal_hold.health import check_hold
from nestegg_retention_legal_hold.policy import make_policy
from nestegg_retention_legal_hold.route import HoldAnswer, read_hold
from nestegg_retention_legal_hold.settings import LegalHoldSettings


@hookimpl
def nestegg_retention_policies() -> Sequence[RetentionPolicyRegistration]:
    """Offer the policy `legal_hold`."""
    return [RetentionPolicyRegistration("legal_hold", LegalHoldSettings, make_policy)]


@hookimpl
def nestegg_commands(ctx: HookContext) -> Sequence[CommandRegistration]:
    """Add `nestegg legal-hold`."""
    return [CommandRegistration(legal_hold_command(lambda: ctx.load(LegalHoldSettings)))]


@hookimpl
def nestegg_health_checks(ctx: HookContext) -> Sequence[HealthCheckRegistration]:
    """Add a check to `/readyz`."""
    return [HealthCheckRegistration("legal_hold", lambda: check_hold(ctx.load(LegalHoldSettings)))]


@hookimpl
def nestegg_routes(ctx: HookContext) -> Sequence[Route]:
    """Add `GET /api/v1/x/retention_legal_hold/organizations/{org_id}/hold`."""
    return [
        Route(
            method="GET",
            path="/hold",
            permission="organization:read",
            request_model=None,
            response_model=HoldAnswer,
            handler=lambda call: read_hold(call, ctx.load(LegalHoldSettings)),
            summary="Tell whether the organization is under a legal hold.",
        )
    ]
