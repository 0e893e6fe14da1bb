"""What is not in order with a plugin that can be used, and what must not be shown of one."""

import shutil
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings

from nestegg_core import (
    ConfigurationError,
    JobRegistration,
    Problem,
    RetentionPolicyRegistration,
    hookimpl,
)
from nestegg_core.plugin_host import PluginHost, PluginStatus
from nestegg_core.settings import Environment, describe

SECRET = "hunter22-s3cr3t"
HOOK = """
from nestegg_core import JobRegistration, hookimpl
@hookimpl
def nestegg_jobs(): return [JobRegistration("tidy", print)]
"""
Install = Callable[..., list[EntryPoint]]
MakePlugin = Callable[..., ModuleType]


class Leaky(BaseSettings):
    leak_password: str = ""
    leak_sealed: SecretStr = SecretStr("")
    leak_token_days: str = "7"
    leak_public_key: str = ""

    @field_validator("leak_password")
    @classmethod
    def check(cls, value: str) -> str:
        if value == SECRET:
            raise ValueError(f"bad password {value}")
        return value


class Wrong(BaseSettings):
    wrong_days: int = "many"  # type: ignore[assignment]  # that is the fault


def policy(settings: type[BaseSettings], factory: Any = print) -> RetentionPolicyRegistration:
    return RetentionPolicyRegistration("leaky", settings, factory)


def status(host: PluginHost, *settings: Any, name: str = "acme") -> PluginStatus:
    return next(one for one in host.statuses(*(settings or (None,))) if one.name == name)


def host(
    make_plugin: MakePlugin, environment: Environment | None = None, **hooks: Any
) -> PluginHost:
    return PluginHost.discover(
        entry_points=(), extra={"acme": make_plugin(**hooks)}, environment=environment
    )


def test_a_validator_that_repeats_a_secret_is_scrubbed(
    make_plugin: MakePlugin, configured: Any, complete: ModuleType
) -> None:
    settings, environment = configured(RETENTION_POLICIES="leaky", LEAK_PASSWORD=SECRET)
    found = PluginHost.discover(
        entry_points=(),
        extra={
            "acme": make_plugin(nestegg_retention_policies=[policy(Leaky)]),
            "complete": complete,
        },
        environment=environment,
    )
    told = status(found, settings, environment)
    assert told.state == "failed"
    assert SECRET not in repr(told)
    with pytest.raises(ConfigurationError) as caught:
        found.select(settings, environment)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("variable", ["LEAK_SEALED", "ACME_API_KEY", "ACME_DSN", "ACME_PASSWORD"])
def test_a_factory_that_repeats_a_secret_is_scrubbed(
    make_plugin: MakePlugin, configured: Any, complete: ModuleType, variable: str
) -> None:
    def make(_: Any) -> Any:
        raise RuntimeError(f"cannot log in with {SECRET}")

    def refuse(_: Any) -> Any:
        raise ConfigurationError([Problem("ACME", f"refuses {SECRET}", "write another")])

    settings, environment = configured(RETENTION_POLICIES="leaky", **{variable: SECRET})
    for factory in (make, refuse):
        plugin = make_plugin(nestegg_retention_policies=[policy(Leaky, factory)])
        found = PluginHost.discover(
            entry_points=(), extra={"acme": plugin, "complete": complete}, environment=environment
        )
        with pytest.raises(ConfigurationError) as caught:
            found.select(settings, environment).retention_policies[0].make()
        assert SECRET not in str(caught.value)
        assert "********" in str(caught.value)


def test_an_import_and_a_hook_that_repeat_a_secret_are_scrubbed(install: Install) -> None:
    variables = {"ACME_URL": f"https://ada:{SECRET}@acme.example"}
    environment = Environment.read(variables, dotenv=None)
    for source in (
        f"raise ValueError('no {SECRET}')",
        f"{HOOK.replace('return', f'raise ValueError({SECRET!r}); return')}",
    ):
        points = install("acme-nestegg", source)
        told = status(PluginHost.discover(entry_points=points[-1:], environment=environment))
        assert told.state == "failed"
        assert SECRET not in repr(told)


def test_a_secret_by_its_name_is_masked_and_its_type_told(make_plugin: MakePlugin) -> None:
    environment = Environment.read({"LEAK_PASSWORD": "another one"}, dotenv=None)
    shown = {one.name: one.value for one in describe(environment, [Leaky])}
    assert (shown["LEAK_PASSWORD"], shown["LEAK_TOKEN_DAYS"]) == ("********", "7")

    told = status(host(make_plugin, nestegg_retention_policies=[policy(Leaky)]))
    assert [one.what for one in told.warnings] == [
        "has a setting LEAK_PASSWORD that is a secret by its name and no SecretStr"
    ]


def test_a_wrong_default_is_its_authors(make_plugin: MakePlugin, configured: Any) -> None:
    settings, environment = configured(RETENTION_POLICIES="leaky")
    found = host(make_plugin, nestegg_retention_policies=[policy(Wrong)])
    told = status(found, settings, environment)
    assert "WRONG_DAYS: has a default that is not valid" in told.cause
    assert "tell the authors of Wrong" in told.fix


def test_a_short_name_of_two_plugins_is_told_with_both_distributions(install: Install) -> None:
    points = install("acme-one", HOOK, plugin="one") + install("acme-two", HOOK, plugin="two")
    found = PluginHost.discover(entry_points=points)
    one = status(found, name="one")
    assert one.state == "available"
    assert one.registrations == (("job", "one.tidy"),)
    [clash] = [warning for warning in one.warnings if "is called as" in warning.what]
    assert clash.where == "plugin 'one' (acme-one 1.2)"
    assert "plugin 'two' (acme-two 1.2)" in clash.what
    assert clash.fix == "ask for it as one.tidy"


@pytest.mark.parametrize(
    ("requirement", "told"),
    [
        ("requests", "does not say which core it was built for"),
        ("nestegg-core>=0.1", "does not say which core it was built for"),
        ("nestegg-core (>>>1", "has a requirement that cannot be read: 'nestegg-core (>>>1'"),
        ("pydantic<1", "needs pydantic<1, and "),
        ("no-such-library>=2", "needs no-such-library, which is not installed"),
        ("nestegg-core[contract-1]>=0.1", None),
        ("nestegg-core>=0.1,<0.2", None),
        ("pydantic<1; extra == 'old'", None),
    ],
)
def test_what_a_distribution_needs_is_looked_at(
    install: Install, tmp_path: Path, requirement: str, told: str | None
) -> None:
    points = install("acme-nestegg", HOOK)
    [metadata] = tmp_path.glob("site*/*.dist-info/METADATA")
    lines = [f"Requires-Dist: {requirement}"]
    if "nestegg-core" not in requirement:
        lines.append("Requires-Dist: nestegg-core[contract-1]")
    if requirement == "requests":
        lines.pop()
    metadata.write_text(metadata.read_text() + "\n".join(lines) + "\n")
    found = status(PluginHost.discover(entry_points=points)).warnings
    assert bool(found) == bool(told)
    assert told is None or any(one.what.startswith(told) for one in found)


def test_two_versions_of_one_distribution_are_told(install: Install, tmp_path: Path) -> None:
    points = install("acme-nestegg", HOOK)
    [metadata] = tmp_path.glob("site*/*.dist-info")
    older = metadata.with_name("acme_nestegg-1.1.dist-info")
    shutil.copytree(metadata, older)
    (older / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-nestegg\nVersion: 1.1\n")
    found = status(PluginHost.discover(entry_points=points)).warnings
    assert any("installed in the versions 1.1 and 1.2" in one.what for one in found)


@pytest.mark.parametrize(("written", "meant"), [("ACME", "acme"), ("acne", "acme"), ("x9", None)])
def test_a_name_that_no_plugin_has_is_told_with_those_that_there_are(
    make_plugin: MakePlugin, written: str, meant: str | None
) -> None:
    plugin = make_plugin(nestegg_jobs=[JobRegistration("tidy", print)])
    found = PluginHost.discover(entry_points=(), extra={"acme": plugin}, disabled=[written])
    [problem] = found.misspelt()
    assert (problem.where, repr(written) in problem.what) == ("PLUGINS_DISABLED", True)
    assert problem.fix.startswith(f"did you mean {meant!r}? " if meant else "Names are")
    assert "acme" in problem.fix


def test_a_plugin_for_another_contract_is_refused_unless_the_operator_takes_it(
    install: Install, tmp_path: Path
) -> None:
    points = install("acme-nestegg", HOOK)
    [metadata] = tmp_path.glob("site*/*.dist-info/METADATA")
    metadata.write_text(metadata.read_text() + "Requires-Dist: nestegg-core[contract-9]\n")
    told = status(PluginHost.discover(entry_points=points))
    assert told.cause.startswith("it was built for nestegg-core[contract-9], and this is")
    assert "PLUGINS_FOR_ANY_CORE=acme" in told.fix
    taken = PluginHost.discover(entry_points=points, any_core=["acme"])
    assert status(taken).state == "available"


def test_a_hook_that_lacks_a_setting_tells_the_operator_and_not_the_authors() -> None:
    acme = ModuleType("acme")

    @hookimpl
    def nestegg_jobs() -> list[JobRegistration]:
        raise ConfigurationError([Problem("ACME_TOKEN", "is not set", "set it to your token")])

    acme.nestegg_jobs = nestegg_jobs  # type: ignore[attr-defined]
    told = status(PluginHost.discover(entry_points=(), extra={"acme": acme}))
    assert told.fix == (
        "ACME_TOKEN: set it to your token; or `PLUGINS_DISABLED=acme` switches it off"
    )
