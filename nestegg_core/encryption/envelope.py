"""The token around every encrypted value: `ne1:<backend>:v<n>:<payload>`.

It says which backend and which key version wrote it, so that old values open while new ones are
written otherwise, and so that values can be counted by prefix.
"""

import re
from collections.abc import Mapping

from nestegg_core.contracts.encryption import EncryptionBackend
from nestegg_core.encryption.keyring import Keyring
from nestegg_core.errors import DecryptionError

_TOKEN = re.compile(r"ne1:([a-z][a-z0-9_]{0,31}):v([1-9][0-9]{0,8}):([^:\s]+)", re.ASCII)


class Envelope:
    """Seals and opens text, bound to the place where it is kept.

    Fulfils `nestegg_core.database.rows.Sealer`.
    """

    def __init__(
        self, keyring: Keyring, backends: Mapping[str, EncryptionBackend], current: str
    ) -> None:
        self._keyring = keyring
        self._backends = backends
        self._current = current

    def seal(self, text: str, place: tuple[str, ...]) -> str:
        """Return a token under the current backend and key."""
        version = self._keyring.current
        payload = self._backends[self._current].encrypt(
            text.encode(),
            key=self._keyring.key(version),
            context=_context(self._current, version, place),
        )
        return f"ne1:{self._current}:v{version}:{payload.decode('ascii')}"

    def open(self, token: str, place: tuple[str, ...]) -> str:
        """Return the text of a token.

        Raises:
            DecryptionError: it is no token, was altered or moved, or its key or backend is not
                at hand. Names the place's column, never the value.
        """
        match = _TOKEN.fullmatch(token)
        try:
            if match is None:
                raise DecryptionError("What is stored is no encrypted value")
            name, version = match[1], int(match[2])
            backend = self._backends.get(name)
            if backend is None:
                raise DecryptionError(f"The encryption backend {name} is not installed")
            plaintext = backend.decrypt(
                match[3].encode("ascii", "replace"),
                key=self._keyring.key(version),
                context=_context(name, version, place),
            )
            return plaintext.decode()
        except DecryptionError as error:
            raise DecryptionError(f"{place[1]}.{place[2]}: {error}") from None


def _context(backend: str, version: int, place: tuple[str, ...]) -> bytes:
    """Length-prefix every part, so that no two places share one context."""
    parts = [part.encode() for part in (backend, str(version), *place)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
