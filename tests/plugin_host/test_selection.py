"""What the settings choose, and what goes without."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import click
import pytest
from pydantic import BaseModel, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from nestegg_core import (
    CommandRegistration,
    ConfigurationError,
    EncryptionBackendRegistration,
    ErrorReporterRegistration,
    HealthCheckRegistration,
    IdentityProviderRegistration,
    JobRegistration,
    Problem,
    Route,
    StatementImporterRegistration,
)
from nestegg_core.plugin_host import PluginHost, Plugins
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


class BugsSettings(BaseSettings):
    bugs_dsn: str = ""


class Budget(BaseModel):
    pass


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


def test_what_the_settings_name_is_chosen(complete: ModuleType, configured: Configured) -> None:
    plugins = discover(complete).select(*configured())

    assert [chosen.name for chosen in plugins.identity_providers] == ["acme"]
    assert "acmebox" in plugins.encryption_backends
    assert [chosen.name for chosen in plugins.retention_policies] == ["acmeage"]
    assert [chosen.name for chosen in plugins.metrics_exporters] == ["acmestat"]
    assert plugins.storage.name == "acmedb"


def test_the_chain_keeps_its_order_and_all_else_is_sorted_by_name(
    complete: ModuleType, configured: Configured, make_plugin: MakePlugin
) -> None:
    def extra(*names: str) -> ModuleType:
        return make_plugin(
            nestegg_identity_providers=[provider(name) for name in names],
            nestegg_jobs=[JobRegistration(name, print) for name in names],
        )

    settings = configured(IDENTITY_PROVIDER_CHAIN="ya,acme,xb,xa")

    plugins = discover(complete, x=extra("xb", "xa"), y=extra("ya")).select(*settings)

    assert [chosen.name for chosen in plugins.identity_providers] == ["ya", "acme", "xb", "xa"]
    assert [job.name for _, job in plugins.jobs] == ["xa", "xb", "ya"]


def test_a_factory_gets_loaded_settings_and_where_it_is(
    complete: ModuleType, configured: Configured, make_plugin: MakePlugin
) -> None:
    vault = make_plugin(nestegg_identity_providers=[provider("vault", VaultSettings)])
    settings, environment = configured(
        IDENTITY_PROVIDER_CHAIN="vault", VAULT_URL="https://vault.internal", VAULT_TOKEN="t"
    )
    moment = datetime(2030, 1, 1, tzinfo=UTC)

    plugins = discover(complete, vault=vault).select(settings, environment, clock=lambda: moment)
    context: Any = plugins.identity_providers[0].make()

    assert context.settings.url == "https://vault.internal"
    assert plugins.identity_providers[0].settings is context.settings
    assert (context.environment, context.home) == ("development", settings.nestegg_home)
    assert context.clock() == moment


def test_an_installed_extra_of_every_other_kind_is_in_force(
    complete: ModuleType, configured: Configured, make_plugin: MakePlugin
) -> None:
    route = Route("GET", "/budgets", "accounts:read", None, Budget, made, "List budgets")
    plugin = make_plugin(
        nestegg_statement_importers=[StatementImporterRegistration("ofx", NoSettings, made, {})],
        nestegg_health_checks=[HealthCheckRegistration("vault", list)],
        nestegg_commands=[CommandRegistration(click.Command("rates"))],
        nestegg_routes=[route],
    )

    plugins = discover(complete, extra=plugin).select(*configured())

    assert "ofx" in [chosen.name for chosen in plugins.statement_importers]
    assert "vault" in [check.name for _, check in plugins.health_checks]
    assert "rates" in [command.command.name for command in plugins.commands]
    assert [(source.name, one) for source, one in plugins.routes] == [("extra", route)]


@pytest.mark.parametrize(("dsn", "names"), [("", []), ("https://bugs.internal", ["bugs"])])
def test_an_error_reporter_is_in_force_when_its_settings_ask_for_it(
    complete: ModuleType,
    configured: Configured,
    make_plugin: MakePlugin,
    dsn: str,
    names: list[str],
) -> None:
    def has_dsn(settings: BugsSettings) -> bool:
        return bool(settings.bugs_dsn)

    reporter = ErrorReporterRegistration("bugs", BugsSettings, made, has_dsn)
    plugin = make_plugin(nestegg_error_reporters=[reporter])

    plugins = discover(complete, errors_bugs=plugin).select(*configured(BUGS_DSN=dsn))

    assert [chosen.name for chosen in plugins.error_reporters] == names


def test_a_disabled_plugin_that_nothing_needs_is_left_alone(
    complete: ModuleType, configured: Configured, make_plugin: MakePlugin
) -> None:
    okta = make_plugin(nestegg_identity_providers=[provider("okta")])

    plugins = discover(complete, disabled=("idp_okta",), idp_okta=okta).select(*configured())

    assert not skipped(plugins, "idp_okta")


def test_a_plugin_inside_the_core_can_be_disabled_like_any_other(
    complete: ModuleType, configured: Configured
) -> None:
    with_csv = discover(complete).select(*configured())
    without = discover(complete, disabled=("builtin:csv",)).select(*configured())

    assert [chosen.name for chosen in with_csv.statement_importers] == ["csv"]
    assert without.statement_importers == ()
    assert not skipped(without, "builtin:csv")


def test_a_disabled_name_that_nothing_has_is_mentioned(
    complete: ModuleType, configured: Configured
) -> None:
    plugins = discover(complete, disabled=("idp_octa",)).select(*configured())

    (problem,) = skipped(plugins, "idp_octa")
    assert problem.where == "PLUGINS_DISABLED"


def test_no_policy_and_no_exporter_are_good_choices(
    complete: ModuleType, configured: Configured
) -> None:
    settings = configured(RETENTION_POLICIES=",", METRICS_EXPORTERS=",")

    plugins = discover(complete).select(*settings)

    assert (plugins.retention_policies, plugins.metrics_exporters) == ((), ())


def test_an_encryption_backend_that_is_not_for_new_values_may_lack_settings(
    complete: ModuleType, configured: Configured, make_plugin: MakePlugin
) -> None:
    vault = EncryptionBackendRegistration("vault", VaultSettings, made)
    host = discover(complete, vault=make_plugin(nestegg_encryption_backends=[vault]))

    plugins = host.select(*configured(VAULT_URL="https://vault.internal"))

    assert "vault" not in plugins.encryption_backends
    assert [p.where for p in plugins.skipped if p.where.startswith("VAULT_")] == ["VAULT_TOKEN"]
    (problem,) = refused(host, configured(ENCRYPTION_BACKEND="vault", VAULT_URL="https://v"))
    assert problem.where == "VAULT_TOKEN"
    settings = configured(VAULT_URL="https://v", VAULT_TOKEN="t")
    assert "vault" in host.select(*settings).encryption_backends


def test_a_factory_that_raises_is_named_with_its_plugin(
    complete: ModuleType, configured: Configured, make_plugin: MakePlugin
) -> None:
    def broken(_context: Any) -> Any:
        raise ZeroDivisionError("by nothing")

    registration = IdentityProviderRegistration("broken", NoSettings, broken)
    plugin = make_plugin(nestegg_identity_providers=[registration])
    settings = configured(IDENTITY_PROVIDER_CHAIN="broken")
    (chosen,) = discover(complete, x=plugin).select(*settings).identity_providers

    with pytest.raises(ConfigurationError) as caught:
        chosen.make()

    (problem,) = caught.value.problems
    assert problem.where.startswith("plugin 'x'")
    assert problem.what == "the factory of 'broken' raised ZeroDivisionError: by nothing"


def test_a_factory_may_refuse_the_start_in_its_own_words(
    complete: ModuleType, configured: Configured, make_plugin: MakePlugin
) -> None:
    refusal = ConfigurationError([Problem("VAULT_URL", "is not https", "use https")])

    def picky(_context: Any) -> Any:
        raise refusal

    registration = IdentityProviderRegistration("picky", NoSettings, picky)
    plugin = make_plugin(nestegg_identity_providers=[registration])
    settings = configured(IDENTITY_PROVIDER_CHAIN="picky")
    (chosen,) = discover(complete, x=plugin).select(*settings).identity_providers

    with pytest.raises(ConfigurationError) as caught:
        chosen.make()

    assert caught.value is refusal
