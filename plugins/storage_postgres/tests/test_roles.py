"""The application's role is made by the owner, with data rights and nothing more."""

import psycopg
import pytest
from nestegg_storage_postgres.storage import PostgresStorage
from sqlalchemy import text

from nestegg_core import MigrationError
from nestegg_core.database import head
from support.postgres import OWNER, Postgres
from support.postgres_storage import organization

ODD = 'odd "role%s'
"""A name that must be quoted, of a role that only one test makes."""


def storage_with_password(postgres: Postgres, database: str, role: str) -> PostgresStorage:
    url = postgres.superuser.set(database=database, username=role, password="p%40 'ss")
    return PostgresStorage(
        url.render_as_string(hide_password=False),
        admin_url=postgres.url(database, OWNER),
        pool_size=1,
        max_overflow=0,
    )


def test_a_missing_role_is_made_with_its_password_hashed(postgres: Postgres, database: str) -> None:
    storage = storage_with_password(postgres, database, ODD)
    storage.upgrade()
    assert storage.current_revision() == head()
    assert list(storage.check()) == []
    organization(storage)
    superuser = postgres.url("postgres", postgres.superuser.username or "")
    with psycopg.connect(superuser) as connection:
        [role] = connection.execute(
            "SELECT rolpassword, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolcanlogin"
            " FROM pg_authid WHERE rolname = %s",
            [ODD],
        )
    assert role[0].startswith("SCRAM-SHA-256$")
    assert role[1:] == (False, False, False, False, True)
    storage.dispose()


def test_rights_are_given_again_as_often_as_asked(storage: PostgresStorage) -> None:
    for _ in range(2):
        storage.ensure_roles()
    organization(storage)
    assert list(storage.check()) == []


def test_tables_of_later_migrations_are_open_to_the_application(storage: PostgresStorage) -> None:
    with storage.migrating() as connection:
        connection.execute(text("CREATE TABLE later (id int)"))
    with storage.system_transaction(write=True) as tx:
        tx.execute(text("INSERT INTO later VALUES (1)"))
        assert tx.execute(text("SELECT count(*) FROM later")).scalar_one() == 1


def test_an_owner_who_may_not_make_the_role_says_who_may(
    postgres: Postgres, empty_database: str
) -> None:
    postgres.execute("CREATE ROLE plain_owner LOGIN")
    postgres.execute(f"ALTER DATABASE {empty_database} OWNER TO plain_owner")
    owner = postgres.url(empty_database, "plain_owner")
    urls = {"url": postgres.url(empty_database, "nobody_yet"), "admin_url": owner}
    storage = PostgresStorage(**urls, pool_size=1, max_overflow=0)
    with pytest.raises(MigrationError, match=r"nobody_yet does not exist.*As a superuser: CREATE"):
        storage.upgrade()
    alone = PostgresStorage(owner, admin_url=owner, pool_size=1, max_overflow=0)
    assert alone.current_revision() is None
    alone.dispose()


def test_urls_without_a_user_are_one_role(
    postgres: Postgres, empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver takes the name from the system, or from its own variable."""
    monkeypatch.setenv("PGUSER", OWNER)
    url = postgres.superuser.set(database=empty_database)._replace(username=None).render_as_string()
    storage = PostgresStorage(url, admin_url=url, pool_size=1, max_overflow=0)
    storage.upgrade()
    assert storage.current_revision() == head()
    assert "owns accounts" in storage.check()[0].what
    storage.dispose()
