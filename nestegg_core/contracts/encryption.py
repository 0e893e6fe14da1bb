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
    bind it: what was encrypted under one context must not decrypt under another.
    """

    def encrypt(self, plaintext: bytes, *, key: bytes, context: bytes) -> bytes:
        """Return the payload of a token, as ASCII without `:`.

        Args:
            plaintext: what to hide; may be empty.
            key: 32 bytes, the data key of the current version.
            context: where the value is kept.
        """
        ...

    def decrypt(self, payload: bytes, *, key: bytes, context: bytes) -> bytes:
        """Return what `encrypt` was given.

        Raises:
            DecryptionError: the payload was altered, moved, or written under another key. Never
                return the payload itself.
        """
        ...


@dataclass(frozen=True, slots=True)
class EncryptionBackendRegistration:
    """An encryption backend on offer: `ENCRYPTION_BACKEND` names the one for new values, and
    the prefix of each stored token the one that opens it.
    """

    name: str
    settings: type["BaseSettings"]
    factory: Callable[["PluginContext[Any]"], EncryptionBackend]
