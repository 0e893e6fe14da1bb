"""The PostgreSQL storage passes the kit, as the application's role."""

from collections.abc import Iterator

import pytest
from nestegg_storage_postgres import PostgresSettings, make_storage

from nestegg_core import Storage
from nestegg_testing import MakeContext, StorageConformance
from support.postgres import APPLICATION, OWNER, Postgres
from support.postgres_storage import Connect


class TestPostgres(StorageConformance):
    answers_when_empty = False
    row_level_security = True
    concurrent_writers = True

    @pytest.fixture
    def subject(
        self, postgres: Postgres, empty_database: str, plugin_context: MakeContext
    ) -> Iterator[Storage]:
        context = plugin_context(
            PostgresSettings,
            DATABASE_URL=postgres.url(empty_database, APPLICATION),
            DATABASE_ADMIN_URL=postgres.url(empty_database, OWNER),
        )
        storage = make_storage(context)
        yield storage
        storage.dispose()

    @pytest.fixture
    def migrated(self, connect: Connect) -> Storage:
        """Over a copy of a migrated database, which is made sooner than by migrating each time."""
        return connect()
