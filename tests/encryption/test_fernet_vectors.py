"""The Fernet specification's own vectors: generate, verify and invalid.

The backend derives a key for each value, so it cannot be given the vectors' key. The vectors hold
the library that it stands on to the specification; what applies to the backend itself (nothing
invalid opens) is asked of it as well.
"""

import base64
import hmac
from datetime import datetime

import pytest
from cryptography.fernet import Fernet, InvalidToken

from nestegg_core import DecryptionError
from nestegg_core.encryption.fernet import FernetBackend

SECRET = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
MADE = int(datetime.fromisoformat("1985-10-26T01:20:00-07:00").timestamp())
TOKEN = (
    b"gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4I"
    b"wqDA=="
)
RAW = base64.urlsafe_b64decode(TOKEN)
IV = slice(9, 25)
MAC_BYTES = 32


def signed(body: bytes) -> bytes:
    """Return a token whose MAC is right, whatever else is wrong with it."""
    mac = hmac.digest(base64.urlsafe_b64decode(SECRET)[:16], body, "sha256")
    return base64.urlsafe_b64encode(body + mac)


def with_last_byte_changed(part: bytes) -> bytes:
    return part[:-1] + bytes([part[-1] ^ 0xFF])


BODY = RAW[:-MAC_BYTES]
INVALID = {
    "incorrect MAC": base64.urlsafe_b64encode(with_last_byte_changed(RAW)),
    "too short": base64.urlsafe_b64encode(RAW[:40]),
    "invalid base64": b"%" + TOKEN[1:],
    "size that is no multiple of the block's": signed(BODY[:-1]),
    "padding error": signed(BODY[: IV.start] + with_last_byte_changed(BODY[IV]) + BODY[IV.stop :]),
    "unknown version": signed(b"\x81" + BODY[1:]),
    "empty": b"",
}


def test_the_specifications_token_is_generated() -> None:
    assert Fernet(SECRET)._encrypt_from_parts(b"hello", MADE, bytes(range(16))) == TOKEN
    assert signed(BODY) == TOKEN


def test_the_specifications_token_is_verified() -> None:
    assert Fernet(SECRET).decrypt_at_time(TOKEN, ttl=60, current_time=MADE + 1) == b"hello"


@pytest.mark.parametrize("token", INVALID.values(), ids=INVALID)
def test_an_invalid_token_does_not_open(token: bytes) -> None:
    with pytest.raises(InvalidToken):
        Fernet(SECRET).decrypt(token)
    with pytest.raises(DecryptionError):
        FernetBackend().decrypt(token, key=base64.urlsafe_b64decode(SECRET), context=b"")


@pytest.mark.parametrize("now", [MADE + 61, MADE - 61], ids=["expired", "from the future"])
def test_the_specifications_time_limits_hold(now: int) -> None:
    with pytest.raises(InvalidToken):
        Fernet(SECRET).decrypt_at_time(TOKEN, ttl=60, current_time=now)
