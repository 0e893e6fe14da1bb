"""The Fernet backend writes what anyone can open with the key and the `cryptography` library."""

import base64
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nestegg_core import DecryptionError
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import accounts
from nestegg_core.encryption.cipher import FieldCipher
from nestegg_core.encryption.fernet import FernetBackend
from nestegg_core.encryption.keyring import Keyring

KEY = bytes(range(32))
ORG, ROW = UUID(int=1), UUID(int=2)
ROWS = SealedRows(FieldCipher(Keyring(7, {7: KEY}), {"fernet": FernetBackend()}, "fernet"))


def documented_fernet(*place: str) -> Fernet:
    """Derive the key of one value, by what the module says: nothing of the project's is used."""
    parts = [part.encode() for part in ("fernet", "7", *place)]
    info = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(KEY)
    return Fernet(base64.urlsafe_b64encode(derived))


def test_a_stored_value_opens_by_the_documented_derivation() -> None:
    row = ROWS.seal(accounts, {"org_id": ORG, "id": ROW, "number": "DE12 3456"})
    version, backend, key, payload = row["number"].split(":")
    assert (version, backend, key) == ("ne1", "fernet", "v7")
    fernet = documented_fernet(str(ORG), "accounts", "number", str(ROW))
    assert fernet.decrypt(payload.encode()) == b"DE12 3456"


def test_a_value_written_by_the_documented_derivation_is_read() -> None:
    fernet = documented_fernet(str(ORG), "accounts", "number", str(ROW))
    token = f"ne1:fernet:v7:{fernet.encrypt('Zürich 7'.encode()).decode()}"
    row = {"org_id": ORG, "id": ROW, "number": token}
    assert ROWS.open(accounts, row, ("number",)) == {"number": "Zürich 7"}


def test_a_value_of_any_age_opens() -> None:
    """The token was made once, in 2020: the format may never change unnoticed."""
    fernet = documented_fernet(str(ORG), "accounts", "number", str(ROW))
    payload = fernet.encrypt_at_time(b"DE12 3456", 1_577_836_800)
    row = {"org_id": ORG, "id": ROW, "number": f"ne1:fernet:v7:{payload.decode()}"}
    assert ROWS.open(accounts, row, ("number",)) == {"number": "DE12 3456"}


def test_a_token_of_the_fernet_specification_is_bound_to_its_context() -> None:
    backend = FernetBackend()
    payload = backend.encrypt(b"hello", key=KEY, context=b"here")
    assert backend.decrypt(payload, key=KEY, context=b"here") == b"hello"
    for key, context in ((KEY, b"there"), (KEY, b""), (bytes(32), b"here")):
        with pytest.raises(DecryptionError):
            backend.decrypt(payload, key=key, context=context)


@pytest.mark.parametrize("payload", [b"", b"x", b"gAAAAA", b"\xff\xfe", b"g" * 10_000])
def test_what_is_no_token_does_not_open(payload: bytes) -> None:
    with pytest.raises(DecryptionError):
        FernetBackend().decrypt(payload, key=KEY, context=b"here")
