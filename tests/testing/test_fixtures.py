"""The fixtures that authors of plugins get."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_settings import BaseSettings

import nestegg_testing
from nestegg_core import (
    ConfigurationError,
    PluginContext,
    RetentionPolicyRegistration,
    Route,
    hookimpl,
)
from nestegg_core.retention.policy import TransactionAge
from nestegg_testing import (
    FakeIdentityProvider,
    Household,
    MakeApp,
    MakeContext,
    MovableClock,
)


class Answer(BaseModel):
    answer: int


@hookimpl
def nestegg_routes() -> list[Route]:
    return [Route("GET", "/answer", "accounts:read", None, Answer, lambda _: {"answer": 42}, "Ask")]


@hookimpl
def nestegg_route() -> list[Route]:
    return []


ANSWERING = SimpleNamespace(nestegg_routes=nestegg_routes)
MISSPELT = SimpleNamespace(nestegg_route=nestegg_route)
PATH = "/api/v1/x/answering/organizations/{}/answer"


def ask(user: Household) -> int:
    return int(user.get(PATH.format(user.org_id)).status_code)


def test_an_application_has_the_plugins_that_it_was_made_with(make_app: MakeApp) -> None:
    with_plugin = make_app({"answering": ANSWERING}).register()
    without = make_app().register()
    assert (ask(with_plugin), ask(without)) == (200, 404)


def test_a_module_goes_by_its_own_name(make_app: MakeApp) -> None:
    module = SimpleNamespace(__name__="answering", nestegg_routes=nestegg_routes)
    assert ask(make_app([module]).register()) == 200


def test_applications_share_nothing(make_app: MakeApp) -> None:
    one, other = make_app(), make_app()
    user = one.register()
    user.account()
    assert one.home != other.home
    assert (
        other.client.simulate_get(
            "/api/v1/me", headers={"Authorization": f"Bearer {user.token}"}
        ).status_code
        == 401
    )


def test_an_application_leaves_nothing_behind(tmp_path: Path, clock: MovableClock) -> None:
    def kept() -> tuple[set[int], list[str]]:
        files = [os.path.realpath(f"/proc/self/fd/{one}") for one in os.listdir("/proc/self/fd")]
        threads = {thread.ident or 0 for thread in threading.enumerate()}
        return threads, [file for file in files if file.startswith(str(tmp_path))]

    threads, _ = kept()
    maker = MakeApp(lambda: tmp_path, clock)
    user = maker({"answering": ANSWERING}).register()
    assert ask(user) == 200
    assert kept()[1] != []
    maker.close()
    assert kept() == (threads, [])


def test_settings_are_variables_and_the_process_has_no_say(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_BODY_BYTES", "no number")
    assert make_app(settings={"MAX_BODY_BYTES": "4096"}).runtime.settings.max_body_bytes == 4096


def test_a_faulty_plugin_fails_the_test_that_installs_it(make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'nestegg_routes'"):
        make_app({"misspelt": MISSPELT})


def test_a_faulty_plugin_is_left_out_where_that_is_what_the_test_is_about(
    make_app: MakeApp,
) -> None:
    app = make_app({"misspelt": MISSPELT, "answering": ANSWERING}, allow_faulty=True)
    assert [problem.where for problem in app.runtime.skipped] == [
        "plugin 'misspelt' (in memory 0.1.0)"
    ]
    assert ask(app.register()) == 200


def test_wrong_settings_are_named(make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match="METRICS_PORT"):
        make_app(settings={"METRICS_PORT": "minus one"})


def test_the_clock_is_the_application_s(signed_in: Household, clock: MovableClock) -> None:
    assert signed_in.get("/api/v1/me").status_code == 200
    clock.move(minutes=16)
    assert signed_in.get("/api/v1/me").status_code == 401


class TestAuthorsOwnApplication:
    @pytest.fixture
    def nestegg_app(self, make_app: MakeApp) -> Any:
        return make_app({"answering": ANSWERING})

    def test_signed_in_is_a_user_of_it(self, signed_in: Household) -> None:
        assert ask(signed_in) == 200


class HoldSettings(BaseSettings):
    legal_hold_days: int


def test_a_context_is_made_from_variables_alone(
    plugin_context: MakeContext, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEGAL_HOLD_DAYS", "7")
    context: PluginContext[HoldSettings] = plugin_context(HoldSettings, LEGAL_HOLD_DAYS="30")
    assert context.settings.legal_hold_days == 30
    assert (context.environment, context.clock) == ("test", clock)
    assert context.home.is_dir()
    with pytest.raises(ConfigurationError, match="LEGAL_HOLD_DAYS"):
        plugin_context(HoldSettings)
    assert (
        plugin_context(HoldSettings, ENVIRONMENT="production", LEGAL_HOLD_DAYS="1").environment
        == "production"
    )


def test_identity_server_signs_and_serves(identity_server: FakeIdentityProvider) -> None:
    assert identity_server.url.startswith("http://127.0.0.1:")
    assert identity_server.token(identity_server.claims()).count(".") == 2


def modules_after(statement: str) -> set[str]:
    program = f"import sys\n{statement}\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    return set(done.stdout.split())


def test_the_plugin_costs_a_run_of_pytest_little() -> None:
    """It is loaded by every run in an environment that has Nest Egg."""
    base = modules_after("import pytest, nestegg_core")
    added = modules_after("import pytest, nestegg_testing.pytest_plugin") - base
    assert added == {
        "nestegg_testing",
        "nestegg_testing.clock",
        "nestegg_testing.pytest_plugin",
    }


def test_the_server_does_without_pytest_and_the_kit() -> None:
    loaded = modules_after("import nestegg_core.api.app, nestegg_core.cli")
    assert not {name for name in loaded if name.startswith(("_pytest", "nestegg_testing"))}


def test_every_public_name_is_there() -> None:
    for name in nestegg_testing.__all__:
        assert getattr(nestegg_testing, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = nestegg_testing.Nonsense


def test_a_retention_plugin_can_be_chosen(make_app: MakeApp) -> None:
    @hookimpl
    def nestegg_retention_policies() -> list[RetentionPolicyRegistration]:
        return [RetentionPolicyRegistration("hold", HoldSettings, lambda _: TransactionAge(30))]

    plugin = SimpleNamespace(nestegg_retention_policies=nestegg_retention_policies)
    named = {"RETENTION_POLICIES": "hold", "LEGAL_HOLD_DAYS": "30"}
    assert make_app({"hold": plugin}, named).runtime.settings.retention_policies == ("hold",)
    with pytest.raises(ConfigurationError, match="LEGAL_HOLD_DAYS"):
        make_app({"hold": plugin}, {"RETENTION_POLICIES": "hold"})
