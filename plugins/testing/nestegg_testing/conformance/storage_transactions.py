"""The rules of storages about transactions: what a transaction may do, and how it ends."""

import time
from functools import partial
from typing import ClassVar
from uuid import UUID

import pytest
from sqlalchemy import Executable, insert, select, text, update

from nestegg_core.contracts.storage import Storage
from nestegg_core.database import in_org
from nestegg_core.database.tables import categories, memberships, organizations
from nestegg_core.database.types import new_id
from nestegg_core.errors import Conflict
from nestegg_testing.conformance.storage_rows import (
    COUNT,
    STAMPS,
    OverMigrated,
    category,
    kinds,
    new_organization,
)

_TRANSFER = update(categories).where(in_org(categories)).values(kind="transfer")
_NAMED = text("name = :wanted")


class TransactionRules(OverMigrated):
    """Rules about `transaction` and `system_transaction`."""

    row_level_security: ClassVar[bool] = False

    def test_what_was_written_stays(self, migrated: Storage, org_id: UUID) -> None:
        """A writing transaction commits when its block ends."""
        with migrated.transaction(org_id, write=True) as tx:
            tx.execute(_TRANSFER)
        assert set(kinds(migrated, org_id).values()) == {"transfer"}

    def test_an_exception_takes_everything_back(self, migrated: Storage, org_id: UUID) -> None:
        """When an exception leaves the block, nothing of the transaction stays, and the exception
        goes on unchanged.
        """

        def fail_halfway() -> None:
            with migrated.transaction(org_id, write=True) as tx:
                tx.execute(_TRANSFER)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_halfway()
        assert set(kinds(migrated, org_id).values()) == {"expense"}

    def test_a_reading_transaction_cannot_write(self, migrated: Storage, org_id: UUID) -> None:
        """A transaction that was opened for reading cannot change a row, through either scope."""
        with pytest.raises(Exception):  # noqa: B017, PT011 - each database has its own
            _run(migrated, org_id, _TRANSFER, write=False)
        rename = update(organizations).where(organizations.c.id == org_id).values(name="Renamed")
        with pytest.raises(Exception), migrated.system_transaction(write=False) as tx:  # noqa: B017, PT011 - as above
            tx.execute(rename)
        assert set(kinds(migrated, org_id).values()) == {"expense"}
        with migrated.system_transaction(write=True) as tx:
            assert tx.execute(rename.where(organizations.c.name == "Household")).rowcount == 1

    def test_only_a_transaction_of_an_organization_has_one(
        self, migrated: Storage, org_id: UUID
    ) -> None:
        """org_id is its organization; in a system transaction it raises LookupError."""
        with migrated.transaction(org_id, write=False) as tx:
            assert tx.org_id == org_id
        with migrated.system_transaction(write=False) as tx, pytest.raises(LookupError):
            _ = tx.org_id

    def test_the_organization_is_bound_in_every_statement(
        self, migrated: Storage, org_id: UUID
    ) -> None:
        """The storage binds the organization in every statement: with parameters, without, and for
        each of many.
        """
        new_organization(migrated, "Food", "Travel")
        with migrated.transaction(org_id, write=True) as tx:
            assert tx.execute(COUNT).scalar_one() == 3
            assert tx.rows(COUNT, {})[0][0] == 3
            named = select(categories.c.name).where(in_org(categories), _NAMED)
            assert tx.execute(named, {"wanted": "Food"}).scalar_one() == "Food"
            assert tx.execute(named, {"wanted": "Travel"}).first() is None
            tx.execute(_TRANSFER.where(_NAMED), [{"wanted": "Food"}, {"wanted": "Travel"}])
        assert kinds(migrated, org_id) == {
            "Food": "transfer",
            "Rent": "expense",
            "Salary": "expense",
        }

    def test_the_storage_serves_on_after_a_failed_statement(
        self, migrated: Storage, org_id: UUID
    ) -> None:
        """After a statement that the database refuses, the next transaction is a fresh one."""
        for _ in range(3):
            with pytest.raises(Exception):  # noqa: B017, PT011 - each database has its own
                _run(migrated, org_id, _TRANSFER, text("SELECT nonsense FROM nowhere"))
            assert set(kinds(migrated, org_id).values()) == {"expense"}

    def test_a_broken_constraint_is_a_conflict(self, migrated: Storage, org_id: UUID) -> None:
        """A row that breaks a constraint raises Conflict, and nothing of its transaction stays."""
        another, twice = category(org_id, "Another"), category(org_id, "Food")
        adding = insert(categories)
        with pytest.raises(Conflict):
            _run(migrated, org_id, adding.values(another), adding.values(twice))
        assert set(kinds(migrated, org_id)) == {"Food", "Rent", "Salary"}
        nobody = {"org_id": org_id, "user_id": new_id(), "role": "owner", **STAMPS}
        with pytest.raises(Conflict):
            _run(migrated, org_id, insert(memberships).values(nobody))

    def test_a_reader_sees_what_is_committed(self, migrated: Storage, org_id: UUID) -> None:
        """A reader does not wait for a writer, and sees what was committed before."""
        with migrated.transaction(org_id, write=True) as tx:
            tx.execute(_TRANSFER)
            assert set(kinds(migrated, org_id).values()) == {"expense"}
        assert set(kinds(migrated, org_id).values()) == {"transfer"}

    def test_a_write_inside_a_write_is_refused_at_once(
        self, migrated: Storage, org_id: UUID
    ) -> None:
        """Opening a writing transaction while the same thread has one open raises RuntimeError at
        once, through either scope: it would wait for itself. Afterwards both scopes serve on.
        """
        for inner in (migrated.system_transaction, partial(migrated.transaction, org_id)):
            for outer in (migrated.system_transaction, partial(migrated.transaction, org_id)):
                began = time.monotonic()
                with pytest.raises(RuntimeError), outer(write=True), inner(write=True):
                    pass
                assert time.monotonic() - began < 2
                with inner(write=True):
                    pass

    def test_row_level_security_is_a_second_wall(self, migrated: Storage, org_id: UUID) -> None:
        """With row-level security a statement that forgets its condition meets the rows of the
        transaction's organization alone, and cannot add a row to another.
        """
        if not self.row_level_security:
            pytest.skip("the storage has no row-level security")
        other = new_organization(migrated, "Theirs")
        with migrated.transaction(org_id, write=True) as tx:
            assert set(tx.execute(select(categories.c.org_id)).scalars()) == {org_id}
            tx.execute(update(categories).values(kind="transfer"))
        assert kinds(migrated, other) == {"Theirs": "expense"}
        with pytest.raises(Exception):  # noqa: B017, PT011 - each database has its own
            _run(migrated, org_id, insert(categories).values(category(other, "Planted")))
        with pytest.raises(Exception), migrated.system_transaction(write=False) as tx:  # noqa: B017, PT011 - as above
            tx.execute(select(categories.c.org_id)).all()
        assert kinds(migrated, other) == {"Theirs": "expense"}

    def test_ping_and_dispose(self, migrated: Storage, org_id: UUID) -> None:
        """ping returns when the database answers; after dispose the next call connects anew."""
        migrated.ping()
        migrated.dispose()
        migrated.dispose()
        migrated.ping()
        assert kinds(migrated, org_id)


def _run(storage: Storage, org_id: UUID, *statements: Executable, write: bool = True) -> None:
    with storage.transaction(org_id, write=write) as tx:
        for statement in statements:
            tx.execute(statement)
