"""The blind index: equal for what means the same, apart for each column, made once."""

import hmac
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, func, select

from nestegg_core import Identity, Storage
from nestegg_core.application import Runtime, start, utc_now
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import instance_secrets
from nestegg_core.encryption.blind_index import BlindIndex, stored_root
from nestegg_core.encryption.cipher import FieldCipher
from nestegg_core.encryption.fernet import FernetBackend
from nestegg_core.encryption.key_check import KeyCheck
from nestegg_core.encryption.keyring import Keyring
from nestegg_core.settings import Environment

INDEX = BlindIndex(lambda: bytes(range(32)))
EMAIL = "credentials.email"


@pytest.mark.parametrize(
    "other",
    [
        "ada@example.com",
        "Ada@example.org",
        " ada@example.org",
        "\uff41\uff44\uff41@example.org",  # letters of full width
        "ad\u0430@example.org",  # Cyrillic a
        "",
    ],
)
def test_nothing_is_folded(other: str) -> None:
    """What means the same is for those to say who know what a value is."""
    assert INDEX.of(EMAIL, "ada@example.org") == INDEX.of(EMAIL, "ada@example.org")
    assert INDEX.of(EMAIL, other) != INDEX.of(EMAIL, "ada@example.org")


def test_columns_have_indexes_of_their_own() -> None:
    assert INDEX.of("credentials.email", "ada") != INDEX.of("invitations.email", "ada")


def test_the_index_is_the_documented_one() -> None:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=EMAIL.encode())
    expected = hmac.digest(key.derive(bytes(range(32))), b"ada@example.org", "sha256")
    assert INDEX.of(EMAIL, "ada@example.org") == expected


KEYS = {1: bytes(32), 2: bytes([2]) * 32}


def rows(version: int = 1) -> SealedRows:
    return SealedRows(FieldCipher(Keyring(version, KEYS), {"fernet": FernetBackend()}, "fernet"))


def key_check(storage: Storage, version: int = 1) -> KeyCheck:
    sealed = rows(version)
    keyring = Keyring(version, KEYS)
    index = BlindIndex(lambda: stored_root(storage, sealed))
    return KeyCheck(storage, keyring, sealed, index, utc_now)


def test_the_root_is_made_once_by_many_at_once(fresh_runtime: Runtime) -> None:
    storage = fresh_runtime.storage
    storage.upgrade()
    barrier = Barrier(6)

    def root() -> bytes:
        barrier.wait()
        key_check(storage)()
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
    key_check(storage, 1)()
    key_check(storage, 2)()
    assert stored_root(storage, rows(1)) == stored_root(storage, rows(2))


def test_nothing_but_the_key_check_makes_the_root(fresh_runtime: Runtime) -> None:
    storage = fresh_runtime.storage
    storage.upgrade()
    with pytest.raises(LookupError, match="check_keys"):
        stored_root(storage, rows())


def test_a_key_check_from_before_there_was_a_root_makes_it(fresh_runtime: Runtime) -> None:
    storage = fresh_runtime.storage
    storage.upgrade()
    key_check(storage)()
    with storage.system_transaction(write=True) as tx:
        tx.execute(delete(instance_secrets))
    key_check(storage)()
    assert len(stored_root(storage, rows())) == 32


def test_the_first_invitation_of_all_waits_for_nobody(
    fresh_runtime: Runtime,
) -> None:
    app = fresh_runtime
    app.storage.upgrade()
    app.check_keys()
    soon = datetime.now(UTC) + timedelta(hours=1)
    identity = Identity("okta", "https://idp.example", "ada", soon, may_provision=True)
    ada = app.provisioning.of_identity(identity, bytes(32))
    org_id = app.users.read(ada)["memberships"][0]["organization"]["id"]
    with app.storage.transaction(org_id, write=True) as tx:
        row, _ = app.invitations.create(tx, ada, "bob@example.org", "viewer")
    assert row["email"] == "bob@example.org"


def test_two_servers_find_the_same_user(
    fresh_runtime: Runtime, fresh_variables: dict[str, str]
) -> None:
    fresh_runtime.storage.upgrade()
    fresh_runtime.check_keys()
    fresh_runtime.users.register("ada@example.org", "correct horse battery staple")
    other = start(Environment.read(fresh_variables, dotenv=None))
    found = other.sign_in.with_password(" ADA@example.org", "correct horse battery staple")
    assert other.users.read(found.user_id)["email"] == "ada@example.org"
    other.storage.dispose()
