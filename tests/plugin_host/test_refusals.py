"""Every reason for refusing the start."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from nestegg_core import (
    ConfigurationError,
    ErrorReporterRegistration,
    IdentityProviderRegistration,
    Problem,
)
from nestegg_core.plugin_host import PluginHost, Plugins
from nestegg_core.plugin_host.records import install
from nestegg_core.settings import Settings
from nestegg_core.settings.environment import Environment

Configured = Callable[..., tuple[Settings, Environment]]
MakePlugin = Callable[..., ModuleType]


class NoSettings(BaseSettings):
    pass


class VaultSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="VAULT_")
    url: str
    token: SecretStr


def made(context: Any) -> Any:
    return context


def discover(complete: ModuleType, disabled: tuple[str, ...] = (), **extra: object) -> PluginHost:
    return PluginHost.discover(
        entry_points=(), extra={"complete": complete, **extra}, disabled=disabled
    )


def refused(host: PluginHost, configured: tuple[Settings, Environment]) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        host.select(*configured)
    return caught.value.problems


def skipped(plugins: Plugins, name: str) -> list[Problem]:
    return [problem for problem in plugins.skipped if repr(name) in problem.where + problem.what]


def provider(name: str, settings: type[BaseSettings] = NoSettings) -> IdentityProviderRegistration:
    return IdentityProviderRegistration(name, settings, made)


def test_a_broken_error_reporter_refuses_the_start_only_when_it_was_asked_for(
    complete: ModuleType, configured: Configured, make_plugin: MakePlugin
) -> None:
    host = discover(complete, errors_bugs=make_plugin())

    assert skipped(host.select(*configured()), "errors_bugs")
    (problem,) = refused(host, configured(BUGS_DSN="https://bugs.internal"))
    assert problem.where == "BUGS_DSN"
    assert "it has no hooks" in problem.what


def test_a_dsn_without_its_plugin_refuses_the_start_with_the_command_that_installs_it(
    complete: ModuleType, configured: Configured
) -> None:
    host = discover(complete)

    host.select(*configured())
    (problem,) = refused(host, configured(SENTRY_DSN="https://key@sentry.example/1"))
    assert problem.where == "SENTRY_DSN"
    assert "'sentry', which is not installed" in problem.what
    assert problem.fix == install("nestegg-errors-sentry")
    assert "key@" not in str(problem)


def test_every_problem_is_reported_at_once(
    complete: ModuleType, configured: Configured, make_plugin: MakePlugin
) -> None:
    vault = make_plugin(nestegg_identity_providers=[provider("vault", VaultSettings)])
    settings = configured(
        IDENTITY_PROVIDER_CHAIN="vault,okta",
        ENCRYPTION_BACKEND="nope",
        RETENTION_POLICIES="nope",
        METRICS_EXPORTERS="nope",
        DATABASE_URL="nope://db/nestegg",
    )

    problems = refused(discover(complete, vault=vault), settings)

    assert {problem.where for problem in problems} == {
        "VAULT_URL",
        "VAULT_TOKEN",
        "IDENTITY_PROVIDER_CHAIN",
        "ENCRYPTION_BACKEND",
        "RETENTION_POLICIES",
        "METRICS_EXPORTERS",
        "DATABASE_URL",
    }


@pytest.mark.parametrize(
    ("changed", "distribution"),
    [
        ({"IDENTITY_PROVIDER_CHAIN": "okta"}, "nestegg-idp-okta"),
        ({"DATABASE_URL": "postgres://db/nestegg"}, "nestegg-storage-postgres"),
    ],
)
def test_what_this_project_has_but_is_not_installed_is_named_for_pip(
    complete: ModuleType, configured: Configured, changed: dict[str, str], distribution: str
) -> None:
    (problem,) = refused(discover(complete), configured(**changed))

    assert problem.where in changed
    assert problem.what.endswith("which is not installed")
    assert problem.fix == install(distribution)
    assert f"--find-links dist dist/{distribution.replace('-', '_')}-*.whl" in problem.fix


def test_an_unknown_name_gets_the_nearest_known_ones(
    complete: ModuleType, configured: Configured
) -> None:
    (problem,) = refused(discover(complete), configured(IDENTITY_PROVIDER_CHAIN="Octa"))

    assert problem.what == "names the identity provider 'Octa', which does not exist"
    assert "'okta'" in problem.fix


def test_an_unknown_name_is_shown_with_the_plugins_that_are_out_of_use(
    complete: ModuleType, configured: Configured, make_plugin: MakePlugin
) -> None:
    host = discover(
        complete, disabled=("off",), single_sign_on=make_plugin(), off=make_plugin(nestegg_jobs=[])
    )

    (problem,) = refused(host, configured(IDENTITY_PROVIDER_CHAIN="house"))

    assert "'single_sign_on'" in problem.fix
    assert "it has no hooks" in problem.fix
    assert "'off' (in memory" in problem.fix


@pytest.mark.parametrize(
    ("plugin", "changed"),
    [
        ("idp_okta", {"IDENTITY_PROVIDER_CHAIN": "okta"}),
        ("storage_postgres", {"DATABASE_URL": "postgresql+asyncpg://db/nestegg"}),
        ("encryption_house", {"ENCRYPTION_BACKEND": "house"}),
        ("retention_house", {"RETENTION_POLICIES": "house"}),
        ("metrics_house", {"METRICS_EXPORTERS": "house"}),
    ],
)
def test_a_broken_plugin_refuses_the_start_only_when_it_is_needed(
    complete: ModuleType,
    configured: Configured,
    make_plugin: MakePlugin,
    plugin: str,
    changed: dict[str, str],
) -> None:
    broken: dict[str, Any] = {plugin: make_plugin()}
    host = discover(complete, **broken)

    assert skipped(host.select(*configured()), plugin)
    (problem,) = refused(host, configured(**changed))
    assert problem.where in changed
    assert f"but plugin {plugin!r} (in memory" in problem.what
    assert "it has no hooks" in problem.what
    assert f"PLUGINS_DISABLED={plugin}" in problem.fix


def test_a_disabled_plugin_that_is_needed_refuses_the_start(
    complete: ModuleType, configured: Configured, make_plugin: MakePlugin
) -> None:
    host = discover(complete, disabled=("idp_okta",), idp_okta=make_plugin())

    (problem,) = refused(host, configured(IDENTITY_PROVIDER_CHAIN="acme,okta"))

    assert "PLUGINS_DISABLED switches plugin 'idp_okta'" in problem.what
    assert problem.fix == (
        "take 'idp_okta' out of PLUGINS_DISABLED, or 'okta' out of IDENTITY_PROVIDER_CHAIN"
    )


def test_a_provider_named_twice_is_refused(complete: ModuleType, configured: Configured) -> None:
    (problem,) = refused(discover(complete), configured(IDENTITY_PROVIDER_CHAIN="acme,acme"))

    assert problem == Problem("IDENTITY_PROVIDER_CHAIN", "names 'acme' twice", "name it once")


def test_an_empty_chain_is_refused(complete: ModuleType, configured: Configured) -> None:
    (problem,) = refused(discover(complete), configured(IDENTITY_PROVIDER_CHAIN=","))

    assert problem.where == "IDENTITY_PROVIDER_CHAIN"
    assert "is empty" in problem.what


@pytest.mark.parametrize("chain", ["acme", "vault"])
def test_two_plugins_with_one_name_refuse_the_start_whether_needed_or_not(
    complete: ModuleType, configured: Configured, make_plugin: MakePlugin, chain: str
) -> None:
    first, second = (make_plugin(nestegg_identity_providers=[provider("vault")]) for _ in range(2))
    host = discover(complete, first=first, second=second)

    problems = refused(host, configured(IDENTITY_PROVIDER_CHAIN=chain))

    assert len(problems) == 2
    for problem, this, other in zip(
        problems, ("first", "second"), ("second", "first"), strict=True
    ):
        assert repr(this) in problem.where
        assert f"also registered by plugin {other!r}" in problem.what


def test_code_in_a_plugins_settings_that_raises_is_a_problem_of_that_plugin(
    complete: ModuleType, configured: Configured, make_plugin: MakePlugin
) -> None:
    class Cursed(BaseSettings):
        def model_post_init(self, _context: Any) -> None:
            raise ZeroDivisionError("by nothing")

    def cursed(_settings: NoSettings) -> bool:
        raise ZeroDivisionError("by nothing")

    plugin = make_plugin(
        nestegg_identity_providers=[provider("cursed", Cursed)],
        nestegg_error_reporters=[ErrorReporterRegistration("cursed", NoSettings, made, cursed)],
    )
    settings = configured(IDENTITY_PROVIDER_CHAIN="cursed")

    problems = refused(discover(complete, x=plugin), settings)

    assert [problem.what for problem in problems] == [
        "its settings class raised ZeroDivisionError: by nothing",
        "`enabled` raised ZeroDivisionError: by nothing",
    ]
    assert all(problem.where.startswith("plugin 'x'") for problem in problems)


def test_a_name_that_does_not_exist_is_answered_with_all_that_do_and_the_nearest_first(
    complete: ModuleType, configured: Configured
) -> None:
    (problem,) = refused(discover(complete), configured(IDENTITY_PROVIDER_CHAIN="builtin,oktta"))

    assert problem.fix.startswith("did you mean 'okta'? Else write one of ")
    assert all(repr(name) in problem.fix for name in ("builtin", "cognito", "google", "keycloak"))
