"""A plugin for another core is not even imported, and one that is slow is named."""

import threading
from collections.abc import Callable
from importlib.metadata import EntryPoint, version
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel
from pydantic_settings import BaseSettings

from nestegg_core import CONTRACT_VERSION, HookContext, Route
from nestegg_core.plugin_host import PluginHost, PluginStatus, loading
from nestegg_core.plugin_host.loading import incompatible
from nestegg_core.settings import Environment
from nestegg_core.settings.types import CommaList

Install = Callable[..., list[EntryPoint]]
MakePlugin = Callable[..., ModuleType]


def status(host: PluginHost, name: str = "acme") -> PluginStatus:
    [found] = [one for one in host.statuses(None) if one.name == name]
    return found


def bound(folder: Path, requirement: str) -> None:
    """Write a requirement into the metadata of everything installed."""
    for metadata in folder.glob("site*/*.dist-info/METADATA"):
        metadata.write_text(metadata.read_text() + f"Requires-Dist: {requirement}\n")


def test_a_plugin_for_another_core_is_refused_unseen_with_both_versions(
    install: Install, tmp_path: Path
) -> None:
    points = install("acme-nestegg", "raise KeyboardInterrupt")
    bound(tmp_path, "nestegg-core>=9,<10")

    found = status(PluginHost.discover(entry_points=points))

    assert found.state == "failed"
    running = f"this is nestegg-core {version('nestegg-core')} (contract {CONTRACT_VERSION})"
    assert f"built for nestegg-core <10,>=9, and {running}" in found.cause
    assert "pip install --upgrade acme-nestegg" in found.fix


@pytest.mark.parametrize(
    ("requirement", "version", "fits"),
    [
        ("nestegg-core>=0.1,<0.2", "0.1.0", True),
        ("nestegg-core>=0.1,<0.2", "0.2.0", False),
        ("nestegg-core>=0.2", "0.1.9", False),
        ("Nestegg.Core<0.1", "0.1.0", False),
        ("nestegg-core>=0.1", "0.2.0rc1", True),
        ("nestegg-core[testing]>=9; extra == 'test'", "0.1.0", True),
        ("nestegg-core>=9; python_version < '3'", "0.1.0", True),
        ("nestegg-core-extras>=9", "0.1.0", True),
        ("nestegg-core", "0.1.0", True),
        ("nestegg-core>=9", "unknown", True),
        ("this is no requirement", "0.1.0", True),
    ],
)
def test_the_bounds_of_the_distribution_decide(requirement: str, version: str, fits: bool) -> None:
    assert (incompatible([requirement], version) is None) == fits


def test_a_plugin_that_is_slow_to_load_is_named(
    make_plugin: MakePlugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, warnings = threading.Event(), []

    def warn(text: str, *values: object) -> None:
        warnings.append(text % values)
        told.set()

    monkeypatch.setattr(loading, "SLOW_SECONDS", 0.01)
    monkeypatch.setattr(loading._log, "warning", warn)
    plugin = make_plugin()

    class Slow(ModuleType):
        def __dir__(self) -> list[str]:
            told.wait()
            return []

    plugin.__class__ = Slow
    PluginHost.discover(entry_points=(), extra={"acme": plugin})
    assert "plugin 'acme' (in memory" in warnings[0]
    assert "PLUGINS_DISABLED=acme" in warnings[0]


class NoFields(BaseModel):
    pass


def route(path: str) -> Route:
    return Route("GET", path, "accounts:read", None, NoFields, dict, "Read")


@pytest.mark.parametrize(
    "path",
    [
        "/a b",
        "/{",
        "/{a}/{a}",
        "/{org_id}",
        "/{a:float}",
        "//",
        "/a/",
        "/ä",
        "/{A}",
        "/a?b",
    ],
)
def test_a_path_that_could_not_be_served_costs_the_plugin_and_not_the_server(
    make_plugin: MakePlugin, path: str
) -> None:
    plugin = make_plugin(nestegg_routes=[route(path)])
    found = status(PluginHost.discover(entry_points=(), extra={"acme": plugin}))
    assert "`path` must begin with '/'" in found.cause


def test_fields_of_one_place_have_one_name(make_plugin: MakePlugin) -> None:
    plugin = make_plugin(nestegg_routes=[route("/a/{b}"), route("/a/{c}/d")])
    found = status(PluginHost.discover(entry_points=(), extra={"acme": plugin}))
    assert "must have '{b}' in place of '{c}'" in found.cause


def test_a_hook_finds_the_settings_of_its_plugin_when_it_needs_them(tmp_path: Path) -> None:
    class AcmeSettings(BaseSettings):
        acme_names: CommaList = ()

    seen: list[HookContext] = []
    plugin = ModuleType("acme")
    source = "from nestegg_core import hookimpl\n@hookimpl\ndef nestegg_jobs(ctx): return see(ctx)"
    exec(source, plugin.__dict__)  # noqa: S102 - a hook is found by its name and its argument's
    plugin.see = lambda ctx: seen.append(ctx) or []  # type: ignore[attr-defined]
    environment = Environment.read(
        {"ACME_NAMES": "a, b", "NESTEGG_HOME": str(tmp_path)}, dotenv=None
    )
    PluginHost.discover(entry_points=(), extra={"acme": plugin}, environment=environment)
    assert seen[0].load(AcmeSettings).acme_names == ("a", "b")
    with pytest.raises(LookupError, match="AcmeSettings"):
        HookContext("0.1.0").load(AcmeSettings)
