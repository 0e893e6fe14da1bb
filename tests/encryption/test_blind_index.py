"""The blind index: equal for what means the same, apart for each column, made once."""

import hmac
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import instance_secrets
from nestegg_core.encryption.blind_index import BlindIndex, stored_root
from nestegg_core.encryption.envelope import Envelope
from nestegg_core.encryption.fernet import FernetBackend
from nestegg_core.encryption.keyring import Keyring
from nestegg_core.runtime import Runtime, start
from nestegg_core.settings import Environment

INDEX = BlindIndex(lambda: bytes(range(32)))
EMAIL = "credentials.email"


@pytest.mark.parametrize(
    "spelling",
    [
        "Ada@Example.org",
        " ada@example.org\t",
        "ADA@EXAMPLE.ORG",
        "\uff41\uff44\uff41@example.org",  # letters of full width, as East Asian keyboards type
        "\u2000ada@example.org\u3000",
    ],
)
def test_spellings_that_mean_the_same_are_found(spelling: str) -> None:
    assert INDEX.of(EMAIL, spelling) == INDEX.of(EMAIL, "ada@example.org")


@pytest.mark.parametrize("other", ["ada@example.com", "ada @example.org", "bda@example.org", ""])
def test_other_values_are_not_found(other: str) -> None:
    assert INDEX.of(EMAIL, other) != INDEX.of(EMAIL, "ada@example.org")


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_composed_and_decomposed_letters_are_the_same(text: str) -> None:
    forms = {INDEX.of(EMAIL, unicodedata.normalize(form, text)) for form in ("NFC", "NFD")}
    assert forms == {INDEX.of(EMAIL, text)}


def test_columns_have_indexes_of_their_own() -> None:
    assert INDEX.of("credentials.email", "ada") != INDEX.of("invitations.email", "ada")


def test_the_index_is_the_documented_one() -> None:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=EMAIL.encode())
    expected = hmac.digest(key.derive(bytes(range(32))), b"ada@example.org", "sha256")
    assert INDEX.of(EMAIL, "Ada@example.org") == expected


def rows(version: int = 1) -> SealedRows:
    keys = {1: bytes(32), 2: bytes([2]) * 32}
    return SealedRows(Envelope(Keyring(version, keys), {"fernet": FernetBackend()}, "fernet"))


def test_the_root_is_made_once_by_many_at_once(fresh_runtime: Runtime) -> None:
    storage = fresh_runtime.storage
    storage.upgrade()
    barrier = Barrier(6)

    def root() -> bytes:
        barrier.wait()
        return stored_root(storage, rows())

    with ThreadPoolExecutor(6) as pool:
        roots = {outcome.result() for outcome in [pool.submit(root) for _ in range(6)]}
    assert len(roots) == 1
    assert len(roots.pop()) == 32
    with storage.system_transaction(write=False) as tx:
        assert tx.execute(select(func.count()).select_from(instance_secrets)).scalar_one() == 1


def test_the_root_outlives_a_new_data_key(fresh_runtime: Runtime) -> None:
    storage = fresh_runtime.storage
    storage.upgrade()
    assert stored_root(storage, rows(1)) == stored_root(storage, rows(2))


def test_two_servers_find_the_same_person(
    fresh_runtime: Runtime, fresh_variables: dict[str, str]
) -> None:
    fresh_runtime.storage.upgrade()
    fresh_runtime.persons.register("ada@example.org", "correct horse battery staple")
    other = start(Environment.read(fresh_variables, dotenv=None))
    found = other.sign_in.with_password(" ADA@example.org", "correct horse battery staple")
    assert other.persons.read(found.person_id)["email"] == "ada@example.org"
    other.storage.dispose()
