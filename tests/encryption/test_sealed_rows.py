"""Rows with personal data: sealed on the way in, opened one by one on the way out."""

from collections import Counter
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from falcon.testing import TestClient
from sqlalchemy import Column, Table, Uuid, select, update

from nestegg_core import DecryptionError
from nestegg_core.application import Runtime
from nestegg_core.database import metadata
from nestegg_core.database.rows import SealedRows, encrypted_columns
from nestegg_core.database.tables import accounts, import_rows, transactions, users
from nestegg_core.encryption.cipher import FieldCipher
from nestegg_core.encryption.fernet import FernetBackend
from nestegg_core.encryption.keyring import Keyring
from support.household import Household
from support.strangers import furnish

ROWS = SealedRows(FieldCipher(Keyring(1, {1: bytes(32)}), {"fernet": FernetBackend()}, "fernet"))
_numbers = count(1)

SEALED = [(table, name) for table in metadata.sorted_tables for name in encrypted_columns(table)]


def key_of(table: Table) -> dict[str, Any]:
    """Return a new primary key, with values of the columns' types."""

    def value(column: Column[Any]) -> Any:
        return uuid4() if isinstance(column.type, Uuid) else str(next(_numbers))

    return {column.name: value(column) for column in table.primary_key}


def test_personal_data_is_declared() -> None:
    declared = {f"{table.name}.{name}" for table, name in SEALED}
    assert declared >= {
        "users.email",
        "users.name",
        "identities.email",
        "accounts.number",
        "transactions.notes",
        "import_rows.notes",
        "instance_secrets.value",
    }


@pytest.mark.parametrize(("table", "name"), SEALED, ids=str)
def test_a_column_comes_back_and_the_others_stay_as_they_are(table: Table, name: str) -> None:
    clear = {**key_of(table), name: "Zürich 7", "anything": "else"}
    sealed = ROWS.seal(table, clear)
    assert {key: sealed[key] for key in sealed if key != name} == {
        key: clear[key] for key in clear if key != name
    }
    assert "rich" not in sealed[name]
    assert ROWS.open(table, sealed, (name,)) == {name: "Zürich 7"}


@pytest.mark.parametrize(("table", "name"), SEALED, ids=str)
def test_a_value_that_was_moved_to_another_place_does_not_open(table: Table, name: str) -> None:
    sealed = ROWS.seal(table, {**key_of(table), name: "secret"})
    for column in table.primary_key:
        with pytest.raises(DecryptionError):
            ROWS.open(table, {**sealed, column.name: key_of(table)[column.name]}, (name,))
    for other_table, other_name in SEALED:
        if (other_table, other_name) != (table, name):
            row = {**key_of(other_table), **sealed, other_name: sealed[name]}
            with pytest.raises(DecryptionError):
                ROWS.open(other_table, row, (other_name,))


@pytest.mark.parametrize(("table", "name"), SEALED, ids=str)
def test_nothing_is_sealed_without_the_rows_key(table: Table, name: str) -> None:
    for column in table.primary_key:
        key = key_of(table)
        del key[column.name]
        with pytest.raises(KeyError):
            ROWS.seal(table, {**key, name: "secret"})


@pytest.mark.parametrize(("table", "name"), SEALED, ids=str)
def test_null_stays_null_and_an_empty_text_does_not(table: Table, name: str) -> None:
    key = key_of(table)
    assert ROWS.seal(table, {**key, name: None})[name] is None
    assert ROWS.open(table, {**key, name: None}, (name,)) == {name: None}
    sealed = ROWS.seal(table, {**key, name: ""})
    assert sealed[name]
    assert ROWS.open(table, sealed, (name,)) == {name: ""}


def test_only_the_columns_that_are_asked_for_are_opened() -> None:
    row = ROWS.seal(users, {"id": uuid4(), "email": "a@b.example", "name": "Ada"})
    row["name"] = "damaged"
    assert ROWS.open(users, row, ("email",)) == {"email": "a@b.example"}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts what the server opens, by column."""
    counted: Counter[str] = Counter()
    original = FieldCipher.open

    def counting(self: FieldCipher, token: str, place: tuple[str, ...]) -> str:
        counted[f"{place[1]}.{place[2]}"] += 1
        return original(self, token, place)

    monkeypatch.setattr(FieldCipher, "open", counting)
    return counted


def test_lists_open_nothing_and_a_row_its_own_value(
    household: Household, opened: Counter[str]
) -> None:
    theirs = furnish(household)
    opened.clear()
    for path in ("accounts", "transactions", "categories", "imports"):
        assert household.get(path).json["items"]
    assert household.get(f"imports/{theirs.committed}/rows").json["items"][0]["has_notes"]
    assert household.get("transactions", q="quokka").json["items"][0]["has_notes"]
    assert opened == {}
    household.get(f"accounts/{theirs.ids['account_id']}")
    household.get(f"transactions/{theirs.ids['transaction_id']}")
    assert opened == {"accounts.number": 1, "transactions.notes": 1}


def corrupt(runtime: Runtime, household: Household, table: Table, **values: Any) -> None:
    with runtime.storage.transaction(UUID(household.org_id), write=True) as tx:
        tx.execute(update(table).where(table.c.org_id == UUID(household.org_id)).values(**values))


def test_a_value_that_does_not_open_is_told_as_damaged_and_not_shown(
    runtime: Runtime, household: Household, capfd: pytest.CaptureFixture[str]
) -> None:
    theirs = furnish(household)
    with runtime.storage.transaction(UUID(household.org_id), write=False) as tx:
        notes = tx.execute(
            select(transactions.c.notes).where(
                transactions.c.id == UUID(theirs.ids["transaction_id"])
            )
        ).scalar_one()
    corrupt(runtime, household, accounts, number=notes)
    answer = household.get(f"accounts/{theirs.ids['account_id']}")
    assert (answer.json["number"], answer.json["damaged"]) == (None, ["number"])
    payload = notes.rpartition(":")[2]
    logged = capfd.readouterr()
    for told in (answer.text, *logged):
        assert payload[:24] not in told
        assert "MASTER" not in told
    shown = {name: value for name, value in answer.json.items() if "quokka" in str(value)}
    assert shown.keys() == {"name", "institution"}  # which are not encrypted
    assert not any("quokka" in told for told in logged)
    assert household.get("accounts").status_code == 200


def test_a_row_whose_value_does_not_open_can_still_be_mended(
    runtime: Runtime, household: Household
) -> None:
    theirs = furnish(household)
    corrupt(runtime, household, accounts, number="damaged")
    path = f"accounts/{theirs.ids['account_id']}"
    version = household.get("accounts").json["items"][0]["version"]
    assert household.patch(path, version, number="12345678").json["number"] == "12345678"


def test_a_ciphertext_of_another_organization_does_not_open(
    runtime: Runtime, household: Household, stranger: Household
) -> None:
    furnish(household)
    own = furnish(stranger)
    with runtime.storage.transaction(UUID(household.org_id), write=False) as tx:
        number = tx.execute(
            select(accounts.c.number).where(accounts.c.org_id == UUID(household.org_id))
        ).scalar_one()
    corrupt(runtime, stranger, accounts, number=number)
    shown = stranger.get(f"accounts/{own.ids['account_id']}").json
    assert (shown["number"], shown["damaged"]) == (None, ["number"])


def test_notes_are_sealed_while_staged_and_sealed_anew_when_booked(
    runtime: Runtime, household: Household
) -> None:
    theirs = furnish(household)
    with runtime.storage.transaction(UUID(household.org_id), write=False) as tx:
        staged, booked = (
            tx.execute(
                select(table.c.notes).where(table.c.import_id == UUID(theirs.committed))
            ).scalar_one()
            for table in (import_rows, transactions)
        )
    assert staged.startswith("ne1:fernet:v1:")
    assert booked.startswith("ne1:fernet:v1:")
    assert staged != booked
    items = household.get("transactions", account_id=theirs.ids["account_id"]).json["items"]
    [imported] = [item for item in items if item["import_id"] == theirs.committed]
    assert household.get(f"transactions/{imported['id']}").json["notes"] == "quokka"


def test_signing_in_opens_the_email_that_it_compares_and_no_other(
    client: TestClient, household: Household, opened: Counter[str]
) -> None:
    answer = client.simulate_post(
        "/api/v1/auth/login",
        json={"email": household.email.upper(), "password": "correct horse battery staple"},
    )
    assert answer.status_code == 200
    assert opened == {"users.email": 1}
