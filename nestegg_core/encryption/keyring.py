"""The data keys by version, and which of them writes."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from nestegg_core.errors import DecryptionError

KEY_BYTES = 32


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


@dataclass(frozen=True, slots=True)
class Keyring:
    """Every data key at hand.

    Attributes:
        current: the version that new values are written under.
        keys: 32 bytes for each version; holds at least the current one.
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
                f"The key of version {version} is missing: set ENCRYPTION_KEY_V{version}"
            ) from None
