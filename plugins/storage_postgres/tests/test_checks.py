"""`check` names every way around the policies, and says what mends it."""

import pytest
from nestegg_storage_postgres.storage import PostgresStorage

from support.postgres import OWNER, Postgres
from support.postgres_storage import Connect


def findings(storage: PostgresStorage) -> list[str]:
    return [finding.what for finding in storage.check()]


def test_nothing_is_wrong_with_the_applications_role(storage: PostgresStorage) -> None:
    assert findings(storage) == []


@pytest.mark.usefixtures("storage")
def test_an_owner_is_named_with_its_tables(connect: Connect) -> None:
    [what] = findings(connect(OWNER))
    assert what.startswith(f"Row-level security does not hold {OWNER}: it owns ")
    for table in ("accounts", "categories", "imports", "import_rows", "transactions"):
        assert table in what


@pytest.mark.usefixtures("storage")
def test_a_member_of_the_owners_role_is_named(connect: Connect, postgres: Postgres) -> None:
    postgres.execute(f"CREATE ROLE deputy LOGIN IN ROLE {OWNER}")
    [what] = findings(connect("deputy"))
    assert what.startswith("Row-level security does not hold deputy: it owns accounts")


@pytest.mark.usefixtures("storage")
def test_a_superuser_is_named(connect: Connect, postgres: Postgres) -> None:
    superuser = postgres.superuser.username or ""
    assert findings(connect(superuser)) == [
        f"Row-level security does not hold {superuser}: it is a superuser"
    ]


@pytest.mark.usefixtures("storage")
def test_bypassrls_is_named_with_what_mends_it(
    connect: Connect, postgres: Postgres, database: str
) -> None:
    postgres.execute('CREATE ROLE "by-pass" LOGIN BYPASSRLS')
    bypassing = connect("by-pass")
    postgres.execute('GRANT SELECT ON alembic_version TO "by-pass"', database=database)
    [finding] = bypassing.check()
    assert finding.what == "Row-level security does not hold by-pass: it has BYPASSRLS"
    postgres.execute(finding.fix)
    assert findings(bypassing) == []


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE imports DISABLE ROW LEVEL SECURITY",
        "DROP POLICY imports_of_organization ON imports",
    ],
)
def test_an_unprotected_table_is_named(
    storage: PostgresStorage, postgres: Postgres, database: str, statement: str
) -> None:
    postgres.execute(statement, database=database)
    assert findings(storage) == ["Table imports is not protected by row-level security"]
