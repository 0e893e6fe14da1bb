"""What lies in the database, and in a dump of it, holds no clear text of a sealed column."""

import subprocess
from pathlib import Path

import pytest
from falcon.testing import TestClient
from sqlalchemy import select

from nestegg_core.api.app import create_app
from nestegg_core.application import Runtime
from nestegg_core.database import SqlStorage, metadata
from nestegg_core.database.rows import encrypted_columns
from support.household import Household, register
from support.postgres import Postgres

OPEN = "openwombat"
"""Stands in columns that are not sealed: it verifies that the search would find something."""

SECRETS = {
    "email": "sealedemail@example.org",
    "name": "Sealed User",
    "number": "SEALED-NUMBER-0042",
    "notes": "sealed note of a transaction",
    "staged": "sealed note of a statement",
    "changed": "sealed note that was changed",
}


@pytest.fixture
def household(fresh_runtime: Runtime) -> Household:
    fresh_runtime.storage.upgrade()
    fresh_runtime.check_keys()
    client = TestClient(create_app(fresh_runtime))
    return register(client, email=SECRETS["email"], name=SECRETS["name"])


@pytest.fixture
def content(
    household: Household,
    fresh_variables: dict[str, str],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> bytes:
    """Everything that is stored, once every sealed column has a value."""
    values = {"name": OPEN, "type": "cash", "currency": "EUR", "number": SECRETS["number"]}
    again = {"Idempotency-Key": "kept-with-the-answer"}
    account = household.call("POST", "accounts", json=values, headers=again).json
    booked = household.transaction(account, "-1.00", notes=SECRETS["notes"])
    household.patch(f"transactions/{booked['id']}", 1, notes=SECRETS["changed"])
    file = f"Date,Payee,Amount,Notes\n2026-01-05,{OPEN},-3.00,{SECRETS['staged']}\n"
    preview = household.upload(account, file.encode()).json
    assert household.post(f"imports/{preview['id']}/commit").status_code == 200
    owner = fresh_variables.get("DATABASE_ADMIN_URL")
    if owner is None:
        return b"".join(path.read_bytes() for path in tmp_path.glob("nestegg.sqlite3*"))
    server: Postgres = request.getfixturevalue("postgres")
    dump = str(server.tools / "pg_dump")
    return subprocess.run([dump, owner], check=True, capture_output=True).stdout


def test_no_sealed_value_is_stored_in_clear(content: bytes) -> None:
    assert OPEN.encode() in content
    assert [name for name, secret in SECRETS.items() if secret.encode() in content] == []
    assert content.count(b"ne1:fernet:v1:") >= len(SECRETS)


def test_no_password_and_no_key_is_stored(content: bytes, fresh_runtime: Runtime) -> None:
    key = fresh_runtime.settings.master_encryption_key.get_secret_value()
    secret = fresh_runtime.settings.secret_key.get_secret_value()
    for value in ("correct horse battery staple", key, secret):
        assert value.encode() not in content


@pytest.mark.usefixtures("content")
def test_every_stored_value_of_a_sealed_column_is_a_token(fresh_runtime: Runtime) -> None:
    storage = fresh_runtime.storage
    assert isinstance(storage, SqlStorage)
    with storage.migrating() as connection:
        stored = {
            f"{table.name}.{name}": list(
                connection.execute(
                    select(table.c[name]).where(table.c[name].is_not(None))
                ).scalars()
            )
            for table in metadata.sorted_tables
            for name in encrypted_columns(table)
        }
    assert {name for name, values in stored.items() if values} >= {
        "users.email",
        "users.name",
        "accounts.number",
        "transactions.notes",
        "import_rows.notes",
        "instance_secrets.value",
    }
    tokens = [value for values in stored.values() for value in values]
    assert [token for token in tokens if not token.startswith("ne1:fernet:v1:")] == []
