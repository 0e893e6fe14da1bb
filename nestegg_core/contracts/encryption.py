"""Encryption backends: bytes for bytes, under a key and a context."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from nestegg_core.contracts.context import PluginContext


class EncryptionBackend(Protocol):
    """Encrypts one value at a time. Keys and their versions are the host's business.

    The context names backend, key version, organization, table, column and row. A backend must
    bind it: what was encrypted under one context must not decrypt under another. Both calls come
    from many threads at once.

    Example:
        >>> import base64, os
        >>> from cryptography.exceptions import InvalidTag
        >>> from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        >>> from nestegg_core import DecryptionError
        >>> class AesGcm:
        ...     def encrypt(self, plaintext, *, key, context):
        ...         nonce = os.urandom(12)
        ...         return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, plaintext, context))
        ...
        ...     def decrypt(self, payload, *, key, context):
        ...         try:
        ...             raw = base64.b64decode(payload, validate=True)
        ...             return AESGCM(key).decrypt(raw[:12], raw[12:], context)
        ...         except (ValueError, InvalidTag):
        ...             raise DecryptionError("A value was altered or moved") from None
        >>> backend: EncryptionBackend = AesGcm()
        >>> payload = backend.encrypt(b"Aino", key=bytes(32), context=b"users.name")
        >>> backend.decrypt(payload, key=bytes(32), context=b"users.name")
        b'Aino'
    """

    def encrypt(self, plaintext: bytes, *, key: bytes, context: bytes) -> bytes:
        """Return the payload of a token, as ASCII without `:` or white space, and not empty.

        Two calls with the same arguments return different payloads.

        Args:
            plaintext: what to hide; may be empty.
            key: 32 bytes, the data key of the current version.
            context: where the value is kept.
        """
        ...

    def decrypt(self, payload: bytes, *, key: bytes, context: bytes) -> bytes:
        """Return what `encrypt` was given.

        Args:
            payload: what `encrypt` returned, or anything that stands in its place.
            key: 32 bytes, the data key of the version that the token names.
            context: where the value was found.

        Raises:
            DecryptionError: the payload was altered, moved, or written under another key; the
                message repeats neither payload nor key. Nothing else is raised, and the payload
                itself is never returned.
        """
        ...


@dataclass(frozen=True, slots=True)
class EncryptionBackendRegistration:
    """An encryption backend on offer: `ENCRYPTION_BACKEND` names the one for new values, and
    the prefix of each stored token the one that opens it.

    Attributes:
        name: what operators write and tokens begin with, e.g. `aesgcm`; it can never change.
        settings: settings class, loaded only when the backend is installed and in order.
        factory: makes the backend; must not touch the network.

    Example:
        >>> from pydantic_settings import BaseSettings
        >>> class NoSettings(BaseSettings):
        ...     pass
        >>> EncryptionBackendRegistration("aesgcm", NoSettings, lambda context: ...).name
        'aesgcm'
    """

    name: str
    settings: type["BaseSettings"]
    factory: Callable[["PluginContext[Any]"], EncryptionBackend]
