"""Processes with keys of their own over one new database, on SQLite and on PostgreSQL."""

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from nestegg_core.application import Runtime
from support.postgres import APPLICATION, OWNER, Postgres
from support.rotation import AeadPlugin, Process, keys
from support.serving import Serve, serving

_numbers = count(1)


@pytest.fixture(scope="session")
def migrated(
    database_kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[[Path], dict[str, str]]:
    """Makes copies of one migrated, empty database: that is quicker than migrating each.

    Give it a data folder; it returns the variables of the copy.
    """
    template = tmp_path_factory.mktemp("template")
    if database_kind == "sqlite":
        _migrate({"NESTEGG_HOME": str(template)})

        def copy(home: Path) -> dict[str, str]:
            shutil.copytree(template, home, dirs_exist_ok=True)
            return {"ENVIRONMENT": "test", "NESTEGG_HOME": str(home)}

        return copy
    server: Postgres = request.getfixturevalue("postgres")
    server.create_database("rotation")
    _migrate({"NESTEGG_HOME": str(template), **_urls(server, "rotation")})

    def copy_on_server(home: Path) -> dict[str, str]:
        name = f"rotation{next(_numbers)}"
        server.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE rotation")
        return {"ENVIRONMENT": "test", "NESTEGG_HOME": str(home), **_urls(server, name)}

    return copy_on_server


def _urls(server: Postgres, name: str) -> dict[str, str]:
    return {
        "DATABASE_URL": server.url(name, APPLICATION),
        "DATABASE_ADMIN_URL": server.url(name, OWNER),
    }


def _migrate(variables: dict[str, str]) -> None:
    with serving({"ENVIRONMENT": "test", **variables}) as serve:
        serve.runtime(**keys(1)).storage.upgrade()


@pytest.fixture
def serve(migrated: Callable[[Path], dict[str, str]], tmp_path: Path) -> Iterator[Serve]:
    """Starts servers over a database of the test's own, at head, that no key has written to."""
    with serving(migrated(tmp_path)) as serve:
        yield serve


@pytest.fixture
def process(serve: Serve) -> Process:
    """Starts a process: its current version, the versions that it only reads, and its backend.

    Its keys are checked, as those of every process are.
    """

    def start(current: int, *others: int, **variables: str) -> Runtime:
        plugins = {"encryption_aesgcm": AeadPlugin()}
        made = serve.runtime(plugins=plugins, **keys(current, *others), **variables)
        made.check_keys()
        return made

    return start
