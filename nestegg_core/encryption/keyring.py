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
    """Return the 32 bytes of a Fernet key (url-safe base64, 44 characters).

    Raises:
        ValueError: it is no such key; the message does not repeat it.

    Example:
        >>> key_bytes("A" * 43 + "=") == bytes(32)
        True
    """
    try:
        key = base64.urlsafe_b64decode(text.encode("ascii"))
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("a Fernet key is 32 bytes in url-safe base64: 44 characters")
    return key


def fingerprint(key: bytes) -> bytes:
    """Return 8 bytes that tell two keys apart and say nothing else about them.

    HKDF-SHA256 (RFC 5869) without salt, with `key-check` as `info`.

    Example:
        >>> fingerprint(bytes(32)) == fingerprint(bytes(32)), len(fingerprint(bytes(32)))
        (True, 8)
    """
    derivation = HKDF(algorithm=SHA256(), length=FINGERPRINT_BYTES, salt=None, info=b"key-check")
    return derivation.derive(key)


@dataclass(frozen=True, slots=True)
class Keyring:
    """Every data key at hand.

    Attributes:
        current: the version that new values are written under.
        keys: 32 bytes for each version; holds at least the current one. A version above the
            current one only reads.
    """

    current: int
    keys: Mapping[int, bytes] = field(repr=False)

    def key(self, version: int) -> bytes:
        """Return the key of a version.

        Raises:
            DecryptionError: the key is not at hand; names the variable that would bring it.
        """
        try:
            return self.keys[version]
        except KeyError:
            raise DecryptionError(
                f"The key of version {version} is missing: set {self.variable(version)}"
            ) from None

    def variable(self, version: int) -> str:
        """Return the name of the variable that a version's key comes from.

        Example:
            >>> keyring = Keyring(2, {2: bytes(32)})
            >>> keyring.variable(2), keyring.variable(1)
            ('MASTER_ENCRYPTION_KEY', 'ENCRYPTION_KEY_V1')
        """
        return "MASTER_ENCRYPTION_KEY" if version == self.current else f"ENCRYPTION_KEY_V{version}"
