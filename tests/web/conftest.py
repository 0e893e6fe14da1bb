"""Fixtures for the API: other servers over the same database, and everyone with a role."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from falcon.testing import TestClient

from nestegg_core.plugin_host import PluginHost
from nestegg_core.runtime import Runtime, build, utc_now
from nestegg_core.settings import Environment, load
from nestegg_core.web.app import create_app, operations
from support.conformance import ConformingClient
from support.household import Household, register
from support.staff import hire

Serve = Callable[..., TestClient]


@pytest.fixture
def serve(runtime: Runtime, variables: dict[str, str]) -> Iterator[Serve]:
    """Start another server over the shared database.

    Its keywords are further variables, a `clock`, and `plugins` by name.
    """
    started: list[Runtime] = []

    def one(clock: Any = utc_now, plugins: Any = None, **changed: str) -> TestClient:
        environment = Environment.read({**variables, **changed}, dotenv=None)
        settings = load(environment)
        host = PluginHost.discover(extra=plugins)
        made = build(settings, host.select(settings, environment, clock=clock), clock)
        started.append(made)
        return ConformingClient(create_app(made), operations(made))

    yield one
    for made in started:
        made.storage.dispose()


@pytest.fixture(scope="session")
def staff(runtime: Runtime, client: TestClient) -> dict[str, Household]:
    """One organization's owner, and everyone who works there, by role."""
    owner = register(client)
    roles = ("admin", "member", "viewer")
    return {"owner": owner, **{role: hire(runtime, client, owner, role) for role in roles}}
