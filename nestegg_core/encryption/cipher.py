"""The token around every encrypted value: which backend, which key, and bound to its place.

A stored value is `ne1:<backend>:v<n>:<payload>`. It says which backend and which key version wrote
it, so that old values open while new ones are written otherwise, and values can be counted by
prefix.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from nestegg_core.contracts.encryption import EncryptionBackend
from nestegg_core.contracts.metrics import MetricsExporter
from nestegg_core.contracts.names import PATTERN
from nestegg_core.encryption.keyring import Keyring
from nestegg_core.errors import DecryptionError

SCHEME = "ne1:"
"""What every token begins with."""

_TOKEN = re.compile(rf"ne1:({PATTERN}):v([1-9][0-9]{{0,8}}):([^:\s]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """A stored value; `payload` is empty where only the prefix was read."""

    backend: str
    version: int
    payload: str = field(repr=False, default="")

    @property
    def prefix(self) -> str:
        return f"{SCHEME}{self.backend}:v{self.version}:"

    def __str__(self) -> str:
        return self.prefix + self.payload


def parse(text: str) -> Token | None:
    """`None` for what is no token or prefix of one.

    Example:
        >>> parse("ne1:fernet:v1:gAAAAA").version
        1
        >>> parse("ne1:fernet:v01:gAAAAA"), parse("plain text")
        (None, None)
    """
    match = _TOKEN.fullmatch(text)
    return None if match is None else Token(match[1], int(match[2]), match[3])


FAILURES = "decrypt_failures"
"""The counter of values that did not open, by `column` (`accounts.number`)."""


@dataclass(frozen=True, slots=True)
class FieldCipher:
    """Seals and opens text, bound to the place where it is kept; fulfils
    `nestegg_core.database.rows.Sealer`. `current` is the backend that new values are written with.
    """

    keyring: Keyring
    backends: Mapping[str, EncryptionBackend]
    current: str
    counts: MetricsExporter | None = None

    def seal(self, text: str, place: tuple[str, ...]) -> str:
        version = self.keyring.current
        payload = self.backends[self.current].encrypt(
            text.encode(),
            key=self.keyring.key(version),
            context=_context(self.current, version, place),
        )
        return str(Token(self.current, version, payload.decode("ascii")))

    def open(self, token: str, place: tuple[str, ...]) -> str:
        """A `DecryptionError` names the column, backend and key version, never the value."""
        column = f"{place[1]}.{place[2]}"
        parts = parse(token)
        try:
            return self._open(parts, place)
        except Exception as error:
            if self.counts is not None:
                self.counts.count(FAILURES, {"column": column})
            if not isinstance(error, DecryptionError):
                raise
            written = f" ({parts.backend}, key version {parts.version})" if parts else ""
            failed = DecryptionError(f"{column}: {error}{written}")
        raise failed

    def _open(self, token: Token | None, place: tuple[str, ...]) -> str:
        if token is None:
            raise DecryptionError("What is stored is no encrypted value")
        backend = self.backends.get(token.backend)
        if backend is None:
            raise DecryptionError(f"The encryption backend {token.backend} is not installed")
        plaintext = backend.decrypt(
            token.payload.encode("ascii", "replace"),
            key=self.keyring.key(token.version),
            context=_context(token.backend, token.version, place),
        )
        try:
            return plaintext.decode()
        except UnicodeDecodeError:  # it holds the bytes, which no traceback may lead to
            raise DecryptionError("What was encrypted is no text") from None


def _context(backend: str, version: int, place: tuple[str, ...]) -> bytes:
    """Length-prefix every part, so that no two places share one context."""
    parts = [part.encode() for part in (backend, str(version), *place)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
