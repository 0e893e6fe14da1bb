"""Fixtures for the API: other servers over the same database, and everyone with a role."""

from collections.abc import Iterator

import pytest
from falcon.testing import TestClient

from nestegg_core.application import Runtime
from support.household import Household, register
from support.serving import Serve, serving
from support.staff import hire


@pytest.fixture
def serve(runtime: Runtime, variables: dict[str, str]) -> Iterator[Serve]:
    """Starts further servers over the shared database, which the first has migrated."""
    del runtime
    with serving(variables) as serve:
        yield serve


@pytest.fixture
def serve_fresh(fresh_variables: dict[str, str]) -> Iterator[Serve]:
    """Starts servers over an empty database of the test's own, which nobody has migrated."""
    with serving(fresh_variables) as serve:
        yield serve


@pytest.fixture(scope="session")
def staff(runtime: Runtime, client: TestClient) -> dict[str, Household]:
    """One organization's owner, and everyone who works there, by role."""
    owner = register(client)
    roles = ("admin", "member", "viewer")
    return {"owner": owner, **{role: hire(runtime, client, owner, role) for role in roles}}
