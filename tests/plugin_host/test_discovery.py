"""Plugins that are installed, in order or not, and what the host makes of each."""

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

import pytest

from nestegg_core.plugin_host import PluginHost, PluginStatus

Install = Callable[..., list[EntryPoint]]

GOOD = """
from pydantic_settings import BaseSettings
from nestegg_core import IdentityProviderRegistration, hookimpl

class NoSettings(BaseSettings):
    pass

@hookimpl
def nestegg_identity_providers():
    return [IdentityProviderRegistration("acme", NoSettings, object)]
"""


def third_party(host: PluginHost) -> list[PluginStatus]:
    return [status for status in host.statuses(None) if not status.name.startswith("builtin:")]


def failed(host: PluginHost) -> PluginStatus:
    (status,) = [status for status in third_party(host) if status.state == "failed"]
    return status


def test_an_installed_distribution_is_found_without_being_named(install: Install) -> None:
    install("nestegg-acme", GOOD, plugin="idp_acme", version="3.1")

    status = next(s for s in PluginHost.discover().statuses(None) if s.name == "idp_acme")

    assert (status.distribution, status.version, status.state) == (
        "nestegg-acme",
        "3.1",
        "available",
    )
    assert status.kinds == ("identity_provider",)
    assert status.hooks == ("nestegg_identity_providers",)
    assert status.registrations == (("identity_provider", "acme"),)


def test_a_distribution_that_cannot_be_imported_is_reported_and_takes_nothing_with_it(
    install: Install,
) -> None:
    points = install("nestegg-idp-broken", "import no_such_module_here", plugin="idp_broken")
    points += install("nestegg-acme", GOOD)

    host = PluginHost.discover(entry_points=points)

    assert [(s.name, s.state) for s in third_party(host)] == [
        ("acme", "available"),
        ("idp_broken", "failed"),
    ]
    status = failed(host)
    assert (status.distribution, status.version) == ("nestegg-idp-broken", "1.2")
    assert status.cause == (
        "its import raised ModuleNotFoundError: No module named 'no_such_module_here'"
    )
    assert "pip install" in status.fix
    assert "PLUGINS_DISABLED=idp_broken" in status.fix
    assert status.registrations == (("identity_provider", "broken"),)


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("raise ValueError('no luck')", "its import raised ValueError: no luck"),
        ("import sys; sys.exit(3)", "its import raised SystemExit: 3"),
        ("raise BaseException", "its import raised BaseException"),
        (
            "class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute",
            "its import raised Mute: (its message cannot be read)",
        ),
        ("def f(:", "its import raised SyntaxError: "),
        ("", "it has no hooks: mark a function such as nestegg_jobs with @hookimpl"),
    ],
)
def test_whatever_an_import_does_is_the_cause_that_is_reported(
    install: Install, source: str, cause: str
) -> None:
    points = install("nestegg-broken", source) + install("nestegg-acme", GOOD, plugin="good")

    host = PluginHost.discover(entry_points=points)

    assert failed(host).cause.startswith(cause)
    assert [s.name for s in third_party(host) if s.state == "available"] == ["good"]


def test_an_interrupt_from_the_keyboard_is_no_plugin_failure(install: Install) -> None:
    points = install("nestegg-slow", "raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        PluginHost.discover(entry_points=points)


def test_a_disabled_plugin_is_not_even_imported(install: Install) -> None:
    points = install("nestegg-idp-broken", "raise KeyboardInterrupt", plugin="idp_broken")

    (status,) = third_party(PluginHost.discover(entry_points=points, disabled=["idp_broken"]))

    assert status.state == "disabled"
    assert status.registrations == (("identity_provider", "broken"),)
    assert "PLUGINS_DISABLED" in status.cause


def test_two_distributions_with_one_entry_point_name_are_both_refused(install: Install) -> None:
    points = install("nestegg-acme", GOOD, version="1.0") + install("acme-fork", GOOD)

    statuses = third_party(PluginHost.discover(entry_points=points))

    assert [status.state for status in statuses] == ["failed", "failed"]
    assert [status.distribution for status in statuses] == ["acme-fork", "nestegg-acme"]
    for status in statuses:
        assert status.cause.endswith("acme-fork 1.2 and nestegg-acme 1.0")


def test_two_plugins_that_register_one_name_are_both_refused(install: Install) -> None:
    points = install("nestegg-acme", GOOD, plugin="one") + install("acme-fork", GOOD, plugin="two")

    one, two = third_party(PluginHost.discover(entry_points=points))

    assert (one.state, two.state) == ("failed", "failed")
    assert one.cause == (
        "the identity provider 'acme' is also registered by plugin 'two' (acme-fork 1.2)"
    )
    assert "nestegg-acme 1.2" in two.cause
    assert "PLUGINS_DISABLED=one" in one.fix
    assert "PLUGINS_DISABLED=two" in one.fix


def test_switching_one_of_two_contestants_off_gives_the_name_to_the_other(install: Install) -> None:
    points = install("nestegg-acme", GOOD, plugin="one") + install("acme-fork", GOOD, plugin="two")

    one, two = third_party(PluginHost.discover(entry_points=points, disabled=["two"]))

    assert (one.state, two.state) == ("available", "disabled")


@pytest.mark.parametrize("name", ["Acme/../x", "builtin:core", "builtin:csv"])
def test_an_entry_point_name_that_is_no_plain_word_is_refused(install: Install, name: str) -> None:
    host = PluginHost.discover(entry_points=install("x", GOOD, plugin=name))

    (status,) = [status for status in host.statuses(None) if status.distribution == "x"]
    assert (status.name, status.state) == (name, "failed")
    assert "lower-case" in status.cause
    assert all(s.state == "available" for s in host.statuses(None) if s != status)


def test_a_distribution_with_broken_metadata_is_still_reported(
    install: Install, tmp_path: Path
) -> None:
    points = install("nestegg-acme", "raise ValueError")
    for metadata in tmp_path.glob("site*/*.dist-info/METADATA"):
        metadata.write_text("")

    status = failed(PluginHost.discover(entry_points=points))

    assert status.distribution == "unknown distribution"


def test_an_entry_point_that_names_no_module_costs_only_its_plugin(
    install: Install, tmp_path: Path
) -> None:
    install("nestegg-acme", GOOD)
    for metadata in tmp_path.glob("site*/*.dist-info/entry_points.txt"):
        metadata.write_text("[nestegg.plugins]\nacme = not a module at all\n")

    host = PluginHost.discover(entry_points=entry_points(name="acme", group="nestegg.plugins"))

    assert failed(host).name == "acme"


def test_every_host_has_plugins_of_its_own(complete: ModuleType) -> None:
    with_plugin = PluginHost.discover(entry_points=(), extra={"acme": complete})
    without = PluginHost.discover(entry_points=())

    assert [status.name for status in third_party(with_plugin)] == ["acme"]
    assert third_party(without) == []


def test_a_core_whose_own_plugins_cannot_be_imported_says_so(
    monkeypatch: pytest.MonkeyPatch, complete: ModuleType
) -> None:
    monkeypatch.setitem(sys.modules, "nestegg_core.builtins", None)

    host = PluginHost.discover(entry_points=(), extra={"acme": complete})

    states = {status.name: status.state for status in host.statuses(None)}
    assert states == {"acme": "available", "builtin:core": "failed"}
