"""The rule that a database elsewhere is reached with TLS alone, against a server that has it.

No database is elsewhere in a test, so the host is a name that no resolver is asked for: libpq goes
to `hostaddr`, and the settings judge the name.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import requests
from cryptography.fernet import Fernet

from support import system_postgres
from support.command_line import PATIENCE, CommandLine, Server, started
from support.postgres import APPLICATION, OWNER, Postgres, running_postgres

DATABASE = "remote"
SECRET_KEY = secrets.token_hex(32)
MASTER_KEY = Fernet.generate_key().decode()


@pytest.fixture(scope="module")
def remote() -> Iterator[Postgres]:
    """Debian's PostgreSQL, with a migrated database."""
    if system_postgres.tools() is None:
        pytest.skip(system_postgres.MISSING)
    with running_postgres(system=True) as postgres:
        postgres.create_database(DATABASE)
        yield postgres


def production(remote: Postgres, home: Path, options: str = "") -> dict[str, str]:
    """Return settings for production, with the database on a host of another name."""
    place = f"db.example.org:{remote.superuser.port}/{DATABASE}?hostaddr=127.0.0.1{options}"
    return {
        "ENVIRONMENT": "production",
        "NESTEGG_HOME": str(home),
        "SECRET_KEY": SECRET_KEY,
        "MASTER_ENCRYPTION_KEY": MASTER_KEY,
        "DATABASE_URL": f"postgresql://{APPLICATION}@{place}",
        "DATABASE_ADMIN_URL": f"postgresql://{OWNER}@{place}",
        "ALLOWED_HOSTS": "app.example.org",
        "APP_BASE_URL": "https://app.example.org",
        "METRICS_PASSWORD": SECRET_KEY[:20],
        "METRICS_PORT": "0",
        "REDIS_URL": "redis://127.0.0.1:6379/0",
    }


@contextmanager
def without_tls(remote: Postgres) -> Iterator[None]:
    """Switch the server's TLS off, and let connections come in without it."""
    remote.server.write("pg_hba.conf", system_postgres.RULES.replace("hostssl", "host   "))
    remote.execute("ALTER SYSTEM SET ssl = off")
    remote.stop()
    remote.start()
    try:
        yield
    finally:
        remote.stop()
        remote.server.write("pg_hba.conf", system_postgres.RULES)
        (remote.server.data / "postgresql.auto.conf").write_text("")
        remote.start()


def encrypted(remote: Postgres) -> dict[str, bool]:
    """Return who is connected to the database, and whether with TLS."""
    query = (
        "SELECT usename, bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
        "WHERE datname = %s GROUP BY usename"
    )
    with psycopg.connect(remote.url("postgres", "postgres")) as connection:
        return dict(connection.execute(query, [DATABASE]).fetchall())


def health(server: Server) -> int:
    return requests.get(f"{server.address}/health", timeout=PATIENCE).status_code


@pytest.fixture(scope="module")
def variables(remote: Postgres, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings of a server for production on a migrated database."""
    variables = production(remote, tmp_path_factory.mktemp("home"))
    upgraded = CommandLine(variables)("db", "upgrade")
    assert upgraded.exit_code == 0, upgraded.output
    return variables


def test_a_url_without_sslmode_is_reached_with_tls(
    remote: Postgres, variables: dict[str, str]
) -> None:
    with started("serve", variables=variables) as server:
        assert health(server) == 200
        assert encrypted(remote) == {APPLICATION: True}


def test_a_server_without_tls_is_not_spoken_to(remote: Postgres, variables: dict[str, str]) -> None:
    with without_tls(remote), started("serve", variables=variables) as server:
        assert health(server) == 503


@pytest.mark.parametrize(
    ("options", "changed", "told"),
    [
        ("", {}, "do not agree on TLS"),
        ("", {"TRUSTED_NETWORKS": "db.example.org"}, None),
        ("&sslmode=prefer", {"ENVIRONMENT": "test"}, "is not encrypted"),
    ],
    ids=["refused by the server", "in a trusted network", "not asked for"],
)
def test_the_doctor_tells_of_a_connection_without_tls_where_others_are_on_the_way(
    remote: Postgres,
    variables: dict[str, str],
    options: str,
    changed: dict[str, str],
    told: str | None,
) -> None:
    home = Path(variables["NESTEGG_HOME"])
    with without_tls(remote):
        result = CommandLine({**production(remote, home, options), **changed})("doctor", "--json")

    found = [one["what"] for one in json.loads(result.stdout)["findings"]]
    about_tls = [what for what in found if "TLS" in what or "encrypted" in what]
    assert len(about_tls) == (told is not None)
    assert told is None or told in about_tls[0]


def test_a_url_that_does_without_tls_refuses_the_start(remote: Postgres, tmp_path: Path) -> None:
    result = CommandLine(production(remote, tmp_path, "&sslmode=disable"))("serve")

    assert result.exit_code == 2
    assert "DATABASE_URL" in result.stderr
    assert "sslmode" in result.stderr


def test_a_certificate_that_nobody_vouches_for_is_refused_where_it_is_to_be_checked(
    remote: Postgres, tmp_path: Path
) -> None:
    checked = production(remote, tmp_path, "&sslmode=verify-full&sslrootcert=system")

    with started("serve", variables=checked) as server:
        assert health(server) == 503
