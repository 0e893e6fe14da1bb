"""The report of every plugin, whether the server can start or not."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from nestegg_core import (
    EncryptionBackendRegistration,
    ErrorReporterRegistration,
    IdentityProviderRegistration,
    JobRegistration,
    StatementImporterRegistration,
)
from nestegg_core.plugin_host import PluginHost
from nestegg_core.plugin_host.records import Source
from nestegg_core.settings import Settings, load
from nestegg_core.settings.environment import Environment
from support.environments import PLUGINS

Configured = Callable[..., tuple[Settings, Environment]]
MakePlugin = Callable[..., ModuleType]


class NoSettings(BaseSettings):
    pass


class NeedySettings(BaseSettings):
    needy_url: str


def made(context: Any) -> Any:
    return context


def states(
    host: PluginHost, settings: Settings | None, environment: Environment | None = None
) -> dict[str, str]:
    found = host.statuses(settings, environment)
    return {s.name: s.state for s in found if not s.name.startswith("builtin:")}


def host_of_all(make_plugin: MakePlugin, complete: ModuleType) -> PluginHost:
    needy = IdentityProviderRegistration("needy", NeedySettings, made)
    importer = StatementImporterRegistration("ofx", NoSettings, made, {})
    backend = EncryptionBackendRegistration("needybox", NeedySettings, made)
    reporter = ErrorReporterRegistration("bugs", NoSettings, made, lambda _settings: True)
    return PluginHost.discover(
        entry_points=(),
        disabled=["gone", "off"],
        extra={
            "backend": make_plugin(nestegg_encryption_backends=[backend]),
            "broken": make_plugin(),
            "bugs": make_plugin(nestegg_error_reporters=[reporter]),
            "complete": complete,
            "importer": make_plugin(nestegg_statement_importers=[importer]),
            "jobs": make_plugin(nestegg_jobs=[JobRegistration("tidy", print)]),
            "needy": make_plugin(nestegg_identity_providers=[needy]),
            "off": make_plugin(nestegg_jobs=[]),
        },
    )


def test_without_settings_nothing_is_selected_and_all_else_is_told(
    make_plugin: MakePlugin, complete: ModuleType
) -> None:
    assert states(host_of_all(make_plugin, complete), None) == {
        "backend": "available",
        "broken": "failed",
        "bugs": "available",
        "complete": "available",
        "importer": "available",
        "jobs": "available",
        "needy": "available",
        "off": "disabled",
    }


def test_with_settings_what_is_in_force_is_selected(
    make_plugin: MakePlugin, complete: ModuleType, configured: Configured
) -> None:
    settings, _ = configured()

    assert states(host_of_all(make_plugin, complete), settings) == {
        "backend": "available",
        "broken": "failed",
        "bugs": "available",
        "complete": "selected",
        "importer": "selected",
        "jobs": "selected",
        "needy": "available",
        "off": "disabled",
    }


def test_with_the_variables_a_plugin_that_lacks_some_has_failed(
    make_plugin: MakePlugin, complete: ModuleType, configured: Configured
) -> None:
    settings, environment = configured(IDENTITY_PROVIDER_CHAIN="needy")
    host = host_of_all(make_plugin, complete)

    found = states(host, settings, environment)

    assert (found["needy"], found["backend"]) == ("failed", "failed")
    assert (found["bugs"], found["importer"]) == ("selected", "selected")
    needy = next(s for s in host.statuses(settings, environment) if s.name == "needy")
    assert "NEEDY_URL" in needy.cause
    assert needy.fix


def test_a_report_makes_no_secrets(
    make_plugin: MakePlugin, configured: Configured, tmp_path: Path
) -> None:
    class WithKey(BaseSettings):
        secret_key: str

    keyed = IdentityProviderRegistration("keyed", WithKey, made)
    host = PluginHost.discover(
        entry_points=(), extra={"keyed": make_plugin(nestegg_identity_providers=[keyed])}
    )
    settings, _ = configured(IDENTITY_PROVIDER_CHAIN="keyed")
    fresh = tmp_path / "fresh"
    environment = Environment.read({"NESTEGG_HOME": str(fresh)}, dotenv=None)

    assert states(host, settings, environment) == {"keyed": "selected"}
    assert not fresh.exists()


def test_a_report_can_be_written_as_json(make_plugin: MakePlugin, complete: ModuleType) -> None:
    found = host_of_all(make_plugin, complete).statuses(None)

    written = json.dumps([dataclasses.asdict(status) for status in found])

    assert '"registrations": [["job", "jobs.tidy"]]' in written


def test_a_report_is_sorted_by_name(make_plugin: MakePlugin, complete: ModuleType) -> None:
    names = [status.name for status in host_of_all(make_plugin, complete).statuses(None)]

    assert names == sorted(names)


def test_what_ships_inside_the_core_is_selected_when_nothing_is_set(tmp_path: Path) -> None:
    environment = Environment.read({"NESTEGG_HOME": str(tmp_path)}, dotenv=None)
    found = PluginHost.discover(entry_points=()).statuses(load(environment), environment)

    assert {(status.name, status.state) for status in found} == {
        ("builtin:builtin", "selected"),
        ("builtin:csv", "selected"),
        ("builtin:fernet", "selected"),
        ("builtin:prometheus", "selected"),
        ("builtin:sqlite", "selected"),
        ("builtin:transaction_age", "selected"),
    }


@pytest.mark.parametrize("name", [folder.name for folder in PLUGINS])
def test_every_plugin_of_this_repository_is_in_order_and_named_after_its_folder(
    name: str,
) -> None:
    status = next(s for s in PluginHost.discover().statuses(None) if s.name == name)

    assert (status.state, status.cause) == ("available", "")
    assert status.distribution == f"nestegg-{name.replace('_', '-')}"
    kind, provided = status.registrations[0]
    assert (kind, provided) in Source(name, "", "").implied
