from datetime import date
from pathlib import Path
from uuid import UUID

import nestegg_retention_legal_hold
import pytest
from click.testing import CliRunner
from nestegg_retention_legal_hold.command import legal_hold_command
from nestegg_retention_legal_hold.policy import REASON, LegalHold, make_policy
from nestegg_retention_legal_hold.settings import LegalHoldSettings

from nestegg_core import ConfigurationError, Hold, RetentionPolicy
from nestegg_testing import MakeApp, MakeContext, RetentionPolicyConformance, RunningApp

HELD = UUID("0193f9c0-0000-7000-8000-000000000001")
OTHER = UUID("0193f9c0-0000-7000-8000-000000000002")
PLUGIN = {"retention_legal_hold": nestegg_retention_legal_hold}
HOLD_ROUTE = "/api/v1/x/retention_legal_hold/organizations/{}/hold"


class TestLegalHold(RetentionPolicyConformance):
    organizations = (HELD,)

    @pytest.fixture
    def subject(self, plugin_context: MakeContext) -> RetentionPolicy:
        context = plugin_context(LegalHoldSettings, LEGAL_HOLD_ORGANIZATIONS=f"{HELD}, {OTHER}")
        return make_policy(context)


def test_only_named_organizations_are_held() -> None:
    policy = LegalHold(frozenset({HELD}))
    assert policy.decide(HELD, date(2026, 3, 1)) == [Hold("transaction", REASON)]
    assert policy.decide(OTHER, date(2026, 3, 1)) == []


def test_what_is_no_id_is_refused(plugin_context: MakeContext) -> None:
    with pytest.raises(ConfigurationError, match="number 2 is no id") as caught:
        plugin_context(LegalHoldSettings, LEGAL_HOLD_ORGANIZATIONS=f"{HELD},the-smiths")
    assert "the-smiths" not in str(caught.value)


def test_the_command_lists_what_is_held(plugin_context: MakeContext) -> None:
    context = plugin_context(LegalHoldSettings, LEGAL_HOLD_ORGANIZATIONS=f"{OTHER},{HELD}")
    command = legal_hold_command(lambda: context.settings)
    result = CliRunner().invoke(command, ["list"])
    assert result.output.split() == [str(HELD), str(OTHER)]


def test_held_records_outlive_their_age(make_app: MakeApp, tmp_path: Path) -> None:
    settings = {
        "NESTEGG_HOME": str(tmp_path),
        "RETENTION_POLICIES": "transaction_age,legal_hold",
        "DATA_RETENTION_DAYS": "30",
    }
    app = make_app(PLUGIN, settings)
    held, other = app.register(), app.register()
    for household in (held, other):
        household.transaction(household.account(), "-12.50", date="2026-03-15")
    app = make_app(PLUGIN, {**settings, "LEGAL_HOLD_ORGANIZATIONS": held.org_id})
    app.runtime.retention.run(live=True, started_by="test")
    assert len(held.get("transactions").json["items"]) == 1
    assert other.get("transactions").json["items"] == []


def test_the_health_check_knows_when_the_hold_is_not_in_force(make_app: MakeApp) -> None:
    def readiness(app: RunningApp) -> str:
        checks = app.client.simulate_get("/readyz").json["checks"]
        return str(checks["retention_legal_hold.legal_hold"])

    named = {"LEGAL_HOLD_ORGANIZATIONS": str(HELD)}
    assert "not in force" in readiness(make_app(PLUGIN, named))
    in_force = {"RETENTION_POLICIES": "transaction_age,legal_hold"}
    assert readiness(make_app(PLUGIN, named | in_force)) == "ok"
    assert readiness(make_app(PLUGIN)) == "ok"


def test_the_route_answers_an_organizations_users_alone(make_app: MakeApp) -> None:
    app = make_app(PLUGIN, {"LEGAL_HOLD_ORGANIZATIONS": str(HELD)})
    household, stranger = app.register(), app.register()
    path = HOLD_ROUTE.format(household.org_id)
    assert household.get(path).json == {"held": False, "reason": None}
    assert stranger.get(path).status_code == 404
    assert app.client.simulate_get(path).status_code == 401
