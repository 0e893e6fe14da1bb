"""Fixtures: every test that asks for one runs on SQLite and on PostgreSQL.

One database of each kind serves all tests: each registers users of its own, and nobody sees
another's rows. A test that needs an empty database asks for `fresh_database`.
"""

import os
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

import prometheus_client  # noqa: F401 - first here: commands that are run in this process steer it
import pytest
from argon2 import PasswordHasher
from falcon.testing import TestClient
from hypothesis import settings
from sqlalchemy import event
from sqlalchemy.pool import Pool

from nestegg_core.api.app import create_app, operations
from nestegg_core.application import Runtime, start
from nestegg_core.auth.builtin import passwords
from nestegg_core.settings import Environment
from support.conformance import ConformingClient
from support.household import Household, register
from support.postgres import APPLICATION, OWNER, Postgres, running_postgres

_numbers = count(1)

# How long an example takes depends on what else the machine does.
settings.register_profile("nestegg", deadline=None)
settings.load_profile("nestegg")


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """Runtimes in this process hash passwords in a moment: how strong a hash is, the tests of
    `Passwords` see to.
    """
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patched:
        quickly = partial(passwords.Passwords, quick)
        patched.setattr(passwords, "Passwords", quickly)
        yield


@pytest.fixture(scope="session", autouse=True)
def nothing_left_open() -> Iterator[None]:
    """Every connection of a storage is closed by the end, and not by the collector."""
    made_in: dict[int, tuple[object, str]] = {}  # with the connection, so that its id is its own

    def opened(connection: object, _record: object) -> None:
        made_in[id(connection)] = (connection, os.environ.get("PYTEST_CURRENT_TEST", ""))

    def closed(connection: object, _record: object) -> None:
        made_in.pop(id(connection), None)

    listeners = {"connect": opened, "close": closed}
    for name, listener in listeners.items():
        event.listen(Pool, name, listener)
    yield
    for name, listener in listeners.items():
        event.remove(Pool, name, listener)
    left = sorted(test for _, test in made_in.values())
    assert not left, "connections are left open, made in:\n" + "\n".join(left)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Which database a test runs on."""
    return str(request.param)


def database_variables(kind: str, request: pytest.FixtureRequest, name: str) -> dict[str, str]:
    """Return the settings of a new, empty database."""
    if kind == "sqlite":
        return {}
    server: Postgres = request.getfixturevalue("postgres")
    server.create_database(name)
    return {
        "DATABASE_URL": server.url(name, APPLICATION),
        "DATABASE_ADMIN_URL": server.url(name, OWNER),
        "PG_BIN": str(server.tools),
    }


@pytest.fixture(scope="session")
def variables(
    database_kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> dict[str, str]:
    """The settings that the shared runtime was started with."""
    home = tmp_path_factory.mktemp("home")
    database = database_variables(database_kind, request, f"shared{next(_numbers)}")
    return {"ENVIRONMENT": "test", "NESTEGG_HOME": str(home), **database}


@pytest.fixture(scope="session")
def runtime(variables: dict[str, str]) -> Iterator[Runtime]:
    """Every service over a migrated database, connected as the application's role."""
    made = start(Environment.read(variables, dotenv=None))
    made.storage.upgrade()
    made.check_keys()
    yield made
    made.storage.dispose()


@pytest.fixture
def fresh_variables(
    database_kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> dict[str, str]:
    """Settings of an empty database of the test's own."""
    database = database_variables(database_kind, request, f"fresh{next(_numbers)}")
    return {"ENVIRONMENT": "test", "NESTEGG_HOME": str(tmp_path), **database}


@pytest.fixture
def fresh_runtime(fresh_variables: dict[str, str]) -> Iterator[Runtime]:
    """Every service over an empty database, not migrated yet."""
    made = start(Environment.read(fresh_variables, dotenv=None))
    yield made
    made.storage.dispose()


@pytest.fixture(scope="session")
def client(runtime: Runtime) -> TestClient:
    """Talks to the application, and holds its answers to what it documents."""
    return ConformingClient(create_app(runtime), operations(runtime))


@pytest.fixture
def household(client: TestClient) -> Household:
    """A new user, signed in, with an organization of their own."""
    return register(client)


@pytest.fixture
def stranger(client: TestClient) -> Household:
    """Another new user, with another organization."""
    return register(client)
