"""The rules of storages about the schema: from empty to head, and never half."""

from typing import ClassVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from nestegg_core.contracts.storage import Storage
from nestegg_core.database import SqlStorage, head, metadata
from nestegg_core.errors import MigrationError
from nestegg_testing.conformance.storage_rows import OverMigrated, kinds, new_organization


class SchemaRules(OverMigrated):
    """Rules about `upgrade`, `current_revision` and `check`."""

    answers_when_empty: ClassVar[bool] = True

    def test_an_empty_database_stands_nowhere(self, subject: Storage) -> None:
        """An empty database stands at no migration, and check says how to mend that."""
        if not self.answers_when_empty:
            pytest.skip("the application's role comes with the first migration")
        assert subject.current_revision() is None
        assert "nestegg db upgrade" in [finding.fix for finding in subject.check()]
        subject.dispose()

    def test_an_empty_database_is_brought_to_head(self, subject: Storage) -> None:
        """upgrade brings an empty database to head, after which check finds nothing; once there,
        it changes nothing.
        """
        subject.upgrade()
        assert subject.current_revision() == head()
        assert list(subject.check()) == []
        org_id = new_organization(subject, "Food")
        subject.upgrade()
        assert subject.current_revision() == head()
        assert kinds(subject, org_id) == {"Food": "expense"}
        subject.dispose()

    def test_an_unknown_revision_is_refused(self, migrated: Storage) -> None:
        """upgrade to a revision that does not exist raises MigrationError and changes nothing."""
        with pytest.raises(MigrationError):
            migrated.upgrade("no_such_revision")
        assert migrated.current_revision() == head()

    def test_a_database_of_a_newer_release_is_refused(self, migrated: Storage) -> None:
        """A database that a newer release has migrated is refused with MigrationError, and left
        alone.
        """
        storage = _sql(migrated)
        with storage.migrating() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        for attempt in (storage.upgrade, storage.check):
            with pytest.raises(MigrationError):
                attempt()
        assert storage.current_revision() == "9999"

    def test_the_tables_are_those_that_the_core_declares(self, migrated: Storage) -> None:
        """At head the database has the tables, columns and indexes that the core declares."""
        with _sql(migrated).migrating() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []


def _sql(storage: Storage) -> SqlStorage:
    if not isinstance(storage, SqlStorage):
        pytest.skip("only storages over nestegg_core.database can be looked into")
    return storage
