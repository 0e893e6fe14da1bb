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


@pytest.fixture
def database(postgres: Postgres) -> str:
    """Name of an empty database that belongs to the owner's role."""
    name = f"plugin{next(_numbers)}"
    postgres.create_database(name)
    return name


@pytest.fixture
def connect(postgres: Postgres, database: str) -> Iterator[Connect]:
    """Makes storages on the test's database, as any role."""
    made = []

    def connect(role: str = APPLICATION, *, admin: str = OWNER) -> PostgresStorage:
        storage = PostgresStorage(
            postgres.url(database, role),
            admin_url=postgres.url(database, admin),
            pool_size=2,
            max_overflow=8,
        )
        made.append(storage)
        return storage

    yield connect
    for storage in made:
        storage.dispose()


@pytest.fixture
def storage(connect: Connect) -> PostgresStorage:
    """A migrated storage, as the application's role."""
    made = connect()
    made.upgrade()
    return made
