"""A backup of a database with thousands of rows, made once for each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nestegg_core.application import Runtime, start
from nestegg_core.settings import Environment
from support.backups import BackedUp, populate, with_keys
from support.postgres import APPLICATION, OWNER, Postgres


@pytest.fixture(scope="session")
def backed_up(
    database_kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[BackedUp]:
    home = tmp_path_factory.mktemp("backed-up")
    variables = {
        "ENVIRONMENT": "test",
        "NESTEGG_HOME": str(home),
    }
    if database_kind == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        server.create_database("backed_up")
        variables["DATABASE_URL"] = server.url("backed_up", APPLICATION)
        variables["DATABASE_ADMIN_URL"] = server.url("backed_up", OWNER)
        variables["PG_BIN"] = str(server.tools)
    runtime = start(Environment.read(variables, dotenv=None))
    org_ids = list(populate(runtime))
    made = runtime.backups.create(tmp_path_factory.mktemp("backups"))
    yield BackedUp(variables, runtime, org_ids, made)
    runtime.storage.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for backups that does not exist yet."""
    return tmp_path / "backups"


@pytest.fixture
def same_keys(backed_up: BackedUp, fresh_variables: dict[str, str]) -> Iterator[Runtime]:
    """Services over an empty database with the keys of the one that was backed up."""
    made = start(Environment.read(with_keys(backed_up, fresh_variables), dotenv=None))
    yield made
    made.storage.dispose()


@pytest.fixture
def same_keys_again(backed_up: BackedUp, fresh_variables: dict[str, str]) -> Iterator[Runtime]:
    """A second server over the database of `same_keys`."""
    made = start(Environment.read(with_keys(backed_up, fresh_variables), dotenv=None))
    yield made
    made.storage.dispose()
