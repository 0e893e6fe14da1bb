"""The two transaction scopes: what a transaction may do, and how it ends."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from nestegg_core.application import Runtime
from nestegg_core.database import in_org
from nestegg_core.database.tables import categories, memberships, organizations
from nestegg_core.database.types import new_id
from nestegg_core.errors import Conflict
from support.household import Household

NOW = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = select(func.count()).where(in_org(categories))


@pytest.fixture
def org_id(household: Household) -> UUID:
    return UUID(household.org_id)


def rename_all(runtime: Runtime, org_id: UUID, *, write: bool) -> None:
    with runtime.storage.transaction(org_id, write=write) as tx:
        tx.execute(update(categories).where(in_org(categories)).values(kind="transfer"))


def kinds(runtime: Runtime, org_id: UUID) -> set[str]:
    with runtime.storage.transaction(org_id, write=False) as tx:
        return set(tx.execute(select(categories.c.kind).where(in_org(categories))).scalars())


def test_a_reading_transaction_cannot_write(runtime: Runtime, org_id: UUID) -> None:
    before = kinds(runtime, org_id)
    with pytest.raises(DBAPIError):
        rename_all(runtime, org_id, write=False)
    assert kinds(runtime, org_id) == before
    rename_all(runtime, org_id, write=True)
    assert kinds(runtime, org_id) == {"transfer"}


def test_a_reading_system_transaction_cannot_write(runtime: Runtime, org_id: UUID) -> None:
    rename = update(organizations).where(organizations.c.id == org_id).values(name="Renamed")
    with pytest.raises(DBAPIError), runtime.storage.system_transaction(write=False) as tx:
        tx.execute(rename)
    with runtime.storage.system_transaction(write=True) as tx:
        assert tx.execute(rename).rowcount == 1


def test_only_a_transaction_of_an_organization_has_one(runtime: Runtime, org_id: UUID) -> None:
    with runtime.storage.transaction(org_id, write=False) as tx:
        assert tx.org_id == org_id
    with (
        runtime.storage.system_transaction(write=False) as tx,
        pytest.raises(LookupError, match="no organization"),
    ):
        _ = tx.org_id


def test_the_organization_is_bound_in_statements_with_and_without_parameters(
    runtime: Runtime, org_id: UUID
) -> None:
    with runtime.storage.transaction(org_id, write=True) as tx:
        assert tx.execute(COUNT).scalar_one() > 0
        named = select(categories.c.id).where(in_org(categories), text("name = :wanted"))
        assert tx.execute(named, {"wanted": "Salary"}).scalar_one()
        renamed = (
            update(categories).where(in_org(categories), text("name = :wanted")).values(kind="x")
        )
        tx.execute(renamed, [{"wanted": "Salary"}, {"wanted": "Travel"}])
        assert tx.execute(COUNT.where(categories.c.kind == "x")).scalar_one() == 2


def test_an_exception_takes_everything_back(runtime: Runtime, org_id: UUID) -> None:
    def fail_halfway() -> None:
        with runtime.storage.transaction(org_id, write=True) as tx:
            tx.execute(update(categories).where(in_org(categories)).values(kind="transfer"))
            raise ZeroDivisionError

    before = kinds(runtime, org_id)
    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert kinds(runtime, org_id) == before


def test_a_connection_serves_on_after_a_failed_statement(runtime: Runtime, org_id: UUID) -> None:
    for _ in range(3):
        with (
            pytest.raises(DBAPIError),
            runtime.storage.transaction(org_id, write=True) as tx,
        ):
            tx.execute(text("SELECT nonsense FROM nowhere"))
        assert kinds(runtime, org_id)


def test_a_broken_constraint_is_a_conflict_and_changes_nothing(
    runtime: Runtime, org_id: UUID
) -> None:
    with runtime.storage.transaction(org_id, write=False) as tx:
        before = tx.execute(COUNT).scalar_one()
        row = tx.execute(select(categories).where(in_org(categories)).limit(1)).one()
    values = dict(row._mapping)

    def insert_twice() -> None:
        with runtime.storage.transaction(org_id, write=True) as tx:
            tx.execute(insert(categories), {**values, "id": new_id(), "name_key": "another"})
            tx.execute(insert(categories), {**values, "id": new_id()})

    with pytest.raises(Conflict):
        insert_twice()
    with runtime.storage.transaction(org_id, write=False) as tx:
        assert tx.execute(COUNT).scalar_one() == before


def test_foreign_keys_hold(runtime: Runtime, org_id: UUID) -> None:
    stamps = {"created_at": NOW, "updated_at": NOW, "version": 1}
    nobody = {"org_id": org_id, "user_id": new_id(), "role": "owner", **stamps}
    with pytest.raises(Conflict), runtime.storage.transaction(org_id, write=True) as tx:
        tx.execute(insert(memberships), nobody)


def test_a_reader_inside_a_writer_sees_what_is_committed(runtime: Runtime, org_id: UUID) -> None:
    before = kinds(runtime, org_id)
    with runtime.storage.transaction(org_id, write=True) as tx:
        tx.execute(update(categories).where(in_org(categories)).values(kind="transfer"))
        assert kinds(runtime, org_id) == before
    assert kinds(runtime, org_id) == {"transfer"}


def test_a_named_lock_is_taken_within_a_transaction(runtime: Runtime, org_id: UUID) -> None:
    with runtime.storage.transaction(org_id, write=True) as tx:
        tx.lock("a name")
        tx.lock("a name")
        assert tx.execute(COUNT).scalar_one() > 0


def test_ping_answers(runtime: Runtime) -> None:
    runtime.storage.ping()
