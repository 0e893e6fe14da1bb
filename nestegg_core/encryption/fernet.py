"""The built-in backend: Fernet under a key of each value's own.

Plain Fernet has no associated data, so a ciphertext copied to another row would open there.
The context therefore goes into the key: HKDF-SHA256 (RFC 5869) without salt, with the context as
`info`, makes the 32 bytes of the Fernet key. Anyone with the data key, this sentence and the
`cryptography` library can open a value.
"""

import base64
import binascii

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nestegg_core.errors import DecryptionError


class FernetBackend:
    """Fulfils `nestegg_core.EncryptionBackend`."""

    def encrypt(self, plaintext: bytes, *, key: bytes, context: bytes) -> bytes:
        return _fernet(key, context).encrypt(plaintext)

    def decrypt(self, payload: bytes, *, key: bytes, context: bytes) -> bytes:
        """A token's age does not matter."""
        try:
            # The library reads base64 leniently: characters could be added unnoticed.
            if base64.urlsafe_b64encode(base64.urlsafe_b64decode(payload)) == payload:
                return _fernet(key, context).decrypt(payload)
        except (InvalidToken, binascii.Error):
            pass
        raise DecryptionError("A value was altered, moved, or its key is another")


def _fernet(key: bytes, context: bytes) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=context).derive(key)
    return Fernet(base64.urlsafe_b64encode(derived))
