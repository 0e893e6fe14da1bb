"""Around encryption backends: what could not be read again is not stored."""

import re

from nestegg_core.contracts.encryption import EncryptionBackend
from nestegg_core.errors import DecryptionError
from nestegg_core.guards.guard import Guard

_PAYLOAD = re.compile(rb"[!-9;-~]+")
"""ASCII that can be seen, without `:`: what fits into a token."""


class GuardedBackend:
    """Fulfils `nestegg_core.EncryptionBackend`."""

    def __init__(self, guard: Guard, backend: EncryptionBackend) -> None:
        self._guard = guard
        self._backend = backend

    def encrypt(self, plaintext: bytes, *, key: bytes, context: bytes) -> bytes:
        """Return a payload that a token can hold.

        Raises:
            PluginFault: the backend raised, or answered something else.
        """
        payload = self._guard.call(
            "encrypt", (), self._backend.encrypt, plaintext, key=key, context=context
        )
        if not (isinstance(payload, bytes) and _PAYLOAD.fullmatch(payload)):
            raise self._guard.fault("encrypt", "answered no ASCII bytes without `:`")
        return payload

    def decrypt(self, payload: bytes, *, key: bytes, context: bytes) -> bytes:
        """Return the plaintext.

        Raises:
            DecryptionError: the payload does not open.
            PluginFault: the backend raised something else, or answered no bytes.
        """
        plaintext = self._guard.call(
            "decrypt", (DecryptionError,), self._backend.decrypt, payload, key=key, context=context
        )
        if not isinstance(plaintext, bytes):
            raise self._guard.fault("decrypt", f"answered {type(plaintext).__name__}, not bytes")
        return plaintext
