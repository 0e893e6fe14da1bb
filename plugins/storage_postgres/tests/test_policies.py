"""Row-level security: what the application's role sees, and what it may not do."""

from typing import Any

import pytest
from nestegg_storage_postgres.storage import PostgresStorage
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from nestegg_core.database import is_tenant_table, metadata
from support.postgres_storage import category, organization

categories = metadata.tables["categories"]
organizations = metadata.tables["organizations"]

TENANT_TABLES = [table for table in metadata.sorted_tables if is_tenant_table(table)]


def test_every_tenants_table_and_no_other_is_behind_a_policy(storage: PostgresStorage) -> None:
    secured = text(
        "SELECT relname FROM pg_class JOIN pg_policy ON polrelid = pg_class.oid"
        " WHERE relrowsecurity AND NOT relforcerowsecurity AND polcmd = '*' AND polpermissive"
        " AND pg_get_expr(polqual, polrelid) LIKE '(org_id = %nestegg.org%)'"
        " AND pg_get_expr(polwithcheck, polrelid) = pg_get_expr(polqual, polrelid)"
    )
    with storage.migrating() as connection:
        found = list(connection.execute(secured).scalars())
    assert sorted(found) == sorted(table.name for table in TENANT_TABLES)


@pytest.mark.parametrize("table", TENANT_TABLES, ids=str)
@pytest.mark.parametrize("used", [False, True], ids=["new connection", "used connection"])
def test_without_an_organization_a_tenants_table_raises(
    storage: PostgresStorage, table: Any, used: bool
) -> None:
    org_id = organization(storage)
    if used:
        with storage.transaction(org_id, write=True) as tx:
            tx.execute(text("SELECT 1"))
    else:
        storage.dispose()
    statements = (select(func.count()).select_from(table), delete(table))
    for statement in statements:
        with pytest.raises(DBAPIError), storage.system_transaction(write=True) as tx:
            tx.execute(statement)


def test_a_transaction_sees_and_changes_its_own_rows_only(storage: PostgresStorage) -> None:
    first, second = organization(storage), organization(storage)
    everything = select(categories.c.org_id)
    with storage.transaction(first, write=True) as tx:
        assert list(tx.execute(everything).scalars()) == [first]
        assert tx.execute(update(categories).values(kind="income")).rowcount == 1
        assert tx.execute(delete(categories)).rowcount == 1
    with storage.transaction(second, write=False) as tx:
        assert list(tx.execute(select(categories.c.kind)).scalars()) == ["expense"]


@pytest.mark.parametrize("verb", ["insert", "update"])
def test_no_row_can_be_written_into_another_organization(
    storage: PostgresStorage, verb: str
) -> None:
    first, second = organization(storage), organization(storage)
    statement: Any = insert(categories).values(category(second, "Other"))
    if verb == "update":
        statement = update(categories).values(org_id=second, name_key="other")
    with (
        pytest.raises(DBAPIError, match="row-level security"),
        storage.transaction(first, write=True) as tx,
    ):
        tx.execute(statement)


def test_an_organization_ends_with_its_transaction(storage: PostgresStorage) -> None:
    org_id = organization(storage)
    with storage.transaction(org_id, write=False) as tx:
        assert tx.execute(text("SELECT current_setting('nestegg.org')")).scalar() == str(org_id)
    with storage.system_transaction(write=False) as tx:
        assert not tx.execute(text("SELECT current_setting('nestegg.org', true)")).scalar()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "ALTER TABLE accounts DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE accounts ADD COLUMN mine int",
        "DROP POLICY accounts_of_organization ON accounts",
        "DROP TABLE accounts",
        "TRUNCATE accounts CASCADE",
        "CREATE RULE mine AS ON INSERT TO accounts DO INSTEAD NOTHING",
        "SET LOCAL session_replication_role = replica",
        "SET ROLE nestegg",
        "CREATE ROLE mine",
        "UPDATE alembic_version SET version_num = '0000'",
        "DELETE FROM alembic_version",
        "INSERT INTO alembic_version VALUES ('0000')",
        "COPY accounts FROM PROGRAM 'true'",
    ],
)
def test_the_application_has_data_rights_only(storage: PostgresStorage, statement: str) -> None:
    org_id = organization(storage)
    with (
        pytest.raises(DBAPIError, match=r"permission denied|must be owner|must be superuser|only"),
        storage.transaction(org_id, write=True) as tx,
    ):
        tx.execute(text(statement))


def test_turning_row_security_off_hides_rows_rather_than_showing_them(
    storage: PostgresStorage,
) -> None:
    org_id = organization(storage)

    def read_without_row_security() -> None:
        with storage.transaction(org_id, write=False) as tx:
            tx.execute(text("SET LOCAL row_security = off"))
            tx.execute(select(categories.c.id))

    with pytest.raises(DBAPIError, match="row-level security"):
        read_without_row_security()


def test_the_owner_sees_every_row(storage: PostgresStorage) -> None:
    made = {organization(storage), organization(storage)}
    with storage.migrating() as connection:
        assert set(connection.execute(select(organizations.c.id)).scalars()) == made
        assert set(connection.execute(select(categories.c.org_id)).scalars()) == made
