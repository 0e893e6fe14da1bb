"""Fixtures for authors of plugins; pytest finds them once `nestegg-testing` is installed.

`make_app`, `nestegg_app` and `signed_in` give a whole application, `plugin_context` what a
factory gets, `identity_server` a fake identity provider, `clock` a clock that tests can move.

What the fixtures need is imported when they are asked for: this module is part of every pytest
run in an environment that has Nest Egg.
"""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nestegg_testing.clock import MovableClock

if TYPE_CHECKING:
    from nestegg_testing.apps import MakeApp, RunningApp
    from nestegg_testing.contexts import MakeContext
    from nestegg_testing.household import Household
    from nestegg_testing.identity_server import FakeIdentityProvider

_KIT = "nestegg_testing.conformance"

# So that a failing assertion of the kit shows the values that it compared.
pytest.register_assert_rewrite(_KIT)


@pytest.fixture
def clock() -> MovableClock:
    """A clock that stands still until the test moves it."""
    return MovableClock()


@pytest.fixture
def identity_server() -> "Iterator[FakeIdentityProvider]":
    """A fake identity provider, which serves its keys over loopback until the test ends."""
    from nestegg_testing.identity_server import FakeIdentityProvider

    with FakeIdentityProvider() as server:
        yield server


@pytest.fixture
def plugin_context(tmp_path: Path, clock: MovableClock) -> "MakeContext":
    """Makes what a factory gets, from a settings class and variables; see `MakeContext`."""
    from nestegg_testing.contexts import MakeContext

    return MakeContext(tmp_path, clock)


@pytest.fixture
def make_app(tmp_path_factory: pytest.TempPathFactory, clock: MovableClock) -> "Iterator[MakeApp]":
    """Makes applications with plugins and settings; see `MakeApp`."""
    from nestegg_testing.apps import MakeApp

    maker = MakeApp(lambda: tmp_path_factory.mktemp("nestegg"), clock)
    yield maker
    maker.close()


@pytest.fixture
def nestegg_app(make_app: "MakeApp") -> "RunningApp":
    """The application of `signed_in`; override it to install your plugin there."""
    return make_app()


@pytest.fixture
def signed_in(nestegg_app: "RunningApp") -> "Household":
    """A new user of `nestegg_app`, signed in, with an organization of their own."""
    return nestegg_app.register()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Let a failure of a conformance test name its rule; authors' own tests stay as they are."""
    if not pyfuncitem.function.__module__.startswith(f"{_KIT}."):
        return (yield)
    from nestegg_testing.conformance.base import RuleBroken, rule_of

    try:
        return (yield)
    except (Exception, pytest.fail.Exception) as error:
        rule, section = rule_of(pyfuncitem.function), pyfuncitem.cls.section
        broken = RuleBroken.of(rule, section, error)
        raise broken.with_traceback(error.__traceback__) from None
