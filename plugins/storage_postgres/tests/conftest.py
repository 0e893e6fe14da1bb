"""A real server, and databases of the tests' own on it."""

from collections.abc import Iterator
from itertools import count

import pytest
from nestegg_storage_postgres.storage import PostgresStorage

from support.postgres import APPLICATION, OWNER, Postgres, running_postgres
from support.postgres_storage import Connect

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> str:
    """Name of a migrated database, which others are copied from."""
    postgres.create_database("migrated")
    storage = storage_on(postgres, "migrated")
    storage.upgrade()
    storage.dispose()
    return "migrated"


@pytest.fixture
def empty_database(postgres: Postgres) -> str:
    """Name of an empty database that belongs to the owner's role."""
    name = f"empty{next(_numbers)}"
    postgres.create_database(name)
    return name


@pytest.fixture
def database(postgres: Postgres, migrated: str) -> str:
    """Name of a migrated database of the test's own."""
    name = f"copy{next(_numbers)}"
    postgres.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {migrated}")
    return name


def storage_on(
    postgres: Postgres, database: str, role: str = APPLICATION, admin: str = OWNER
) -> PostgresStorage:
    return PostgresStorage(
        postgres.url(database, role),
        admin_url=postgres.url(database, admin),
        pool_size=2,
        max_overflow=8,
    )


@pytest.fixture
def connect(postgres: Postgres, database: str) -> Iterator[Connect]:
    """Makes storages on the test's database, as any role."""
    made: list[PostgresStorage] = []

    def connect(role: str = APPLICATION) -> PostgresStorage:
        made.append(storage_on(postgres, database, role))
        return made[-1]

    yield connect
    for storage in made:
        storage.dispose()


@pytest.fixture
def storage(connect: Connect) -> PostgresStorage:
    """A storage as the application's role."""
    return connect()
