"""The data keys by version, and which of them writes."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nestegg_core.errors import DecryptionError

KEY_BYTES = 32
FINGERPRINT_BYTES = 8


def key_bytes(text: str) -> bytes:
    """The 32 bytes of a Fernet key (url-safe base64); a `ValueError` does not repeat the key."""
    try:
        key = base64.urlsafe_b64decode(text.encode("ascii"))
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("a Fernet key is 32 bytes in url-safe base64: 44 characters")
    return key


def fingerprint(key: bytes) -> bytes:
    """8 bytes that distinguish two keys and reveal nothing else about them: HKDF-SHA256 (RFC 5869)
    without salt, with `key-check` as `info`.
    """
    derivation = HKDF(algorithm=SHA256(), length=FINGERPRINT_BYTES, salt=None, info=b"key-check")
    return derivation.derive(key)


@dataclass(frozen=True, slots=True)
class Keyring:
    """32 bytes for each version, at least the current one, which new values are written under; a
    version above it only reads.
    """

    current: int
    keys: Mapping[int, bytes] = field(repr=False)

    def key(self, version: int) -> bytes:
        """A `DecryptionError` names the variable that would bring a missing key."""
        try:
            return self.keys[version]
        except KeyError:
            raise DecryptionError(
                f"The key of version {version} is missing: set {self.variable(version)}"
            ) from None

    def variable(self, version: int) -> str:
        return "MASTER_ENCRYPTION_KEY" if version == self.current else f"ENCRYPTION_KEY_V{version}"
