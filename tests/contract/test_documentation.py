"""Whatever an author may use is documented, with an example: `--doctest-modules` runs it."""

import dataclasses
import doctest
import inspect
import re
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import nestegg_core
import nestegg_core.auth.oidc
import nestegg_testing
from nestegg_core import errors, hookspecs
from nestegg_core.plugin_host import PluginHost
from nestegg_testing import MakeContext
from nestegg_testing.conformance.base import DOCUMENTATION

PUBLIC = {name: getattr(nestegg_core, name) for name in nestegg_core.__all__}
CLASSES = [value for value in PUBLIC.values() if inspect.isclass(value)]
VARIABLES = {"IDP_ACME_ISSUER": "https://id.acme.example", "DATABASE_URL": "mariadb://db/nestegg"}
HOOKS = [value for name, value in vars(hookspecs).items() if name.startswith("nestegg_")]


def examples_in(value: Any) -> list[doctest.Example]:
    return doctest.DocTestParser().get_examples(inspect.getdoc(value) or "")


@pytest.mark.parametrize("value", [*CLASSES, *HOOKS], ids=lambda value: value.__name__)
def test_an_example_shows_how_it_is_used(value: Any) -> None:
    assert examples_in(value)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_field_and_method_is_documented(kind: type) -> None:
    text = inspect.getdoc(kind) or ""
    fields = (
        [one.name for one in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else ()
    )
    described = set(re.findall(r"^    (\w+): ", text, re.MULTILINE))
    assert [name for name in fields if name not in described] == []
    methods = [
        name
        for name, value in vars(kind).items()
        if not name.startswith("_") and (callable(value) or isinstance(value, property))
    ]
    assert [name for name in methods if not getattr(kind, name).__doc__] == []


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_a_hook_says_since_when_it_exists(hook: Any) -> None:
    [since] = re.findall(
        r"^Since version (\d+)\.(\d+)\.$", inspect.getdoc(hook) or "", re.MULTILINE
    )
    assert tuple(map(int, since)) <= tuple(map(int, version("nestegg-core").split(".")[:2]))


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_the_example_of_a_hook_is_a_plugin(hook: Any, plugin_context: MakeContext) -> None:
    names = dict(vars(hookspecs))
    for example in examples_in(hook):
        exec(example.source, names)  # noqa: S102 - our own documentation
    plugin = SimpleNamespace(**{hook.__name__: names[hook.__name__]})
    host = PluginHost.discover(entry_points=(), extra={"example": plugin})
    [status] = [one for one in host.statuses(None) if one.name == "example"]
    assert (status.state, status.cause, status.hooks) == ("available", "", (hook.__name__,))
    for entry in host.registered():
        if entry.source.name == "example" and hasattr(entry.registration, "factory"):
            assert entry.registration.factory(
                plugin_context(entry.registration.settings, **VARIABLES)
            )


def test_every_error_is_in_the_tree() -> None:
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__ or "")
    raised = [
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.NestEggError)
    ]
    assert sorted(["NestEggError", *drawn]) == sorted(raised)


def test_a_broken_rule_points_into_the_documentation() -> None:
    path = Path(__file__).parents[2] / DOCUMENTATION
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    kits = [getattr(nestegg_testing, name) for name in nestegg_testing.__all__]
    sections = {kit.section for kit in kits if getattr(kit, "section", "")}
    assert len(sections) == 7
    assert sections - anchors == set()
