"""Passwords: argon2id (RFC 9106), with parameters that can be raised later.

Everything that hashes or compares a password does it here: in one form of its letters, and never
more at a time than the memory of the process is for.
"""

import secrets
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from threading import BoundedSemaphore
from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from nestegg_core.errors import ServerBusy

MIN_LENGTH = 8
"""NIST SP 800-63B, 3.1.1.2."""

MAX_LENGTH = 1_000

AT_ONCE = 2
PATIENCE_SECONDS = 10.0


class Match(Enum):
    """What comparing a password with a hash has shown.

    Attributes:
        OUTDATED: it is the right one, and its hash is to be made anew: `hash` has other parameters
            now, or takes another form of the letters.
    """

    WRONG = "wrong"
    RIGHT = "right"
    OUTDATED = "outdated"


class Passwords(Protocol):
    """Hashes and verifies passwords. Raises `ServerBusy` where too many ask for it."""

    def hash(self, password: str) -> str:
        """Return a hash to store."""
        ...

    def verify(self, stored: str | None, password: str) -> Match:
        """Compare; `None` takes the same time as a wrong password."""
        ...


class Argon2Passwords:
    """Fulfils `Passwords`.

    Args:
        hasher: with the parameters to use; the library's own recommended ones by default.
        at_once: how many are hashed or compared at a time; each takes `hasher.memory_cost` KiB.
        patience: seconds that a further one waits for its turn.
    """

    def __init__(
        self,
        hasher: PasswordHasher | None = None,
        *,
        at_once: int = AT_ONCE,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._hasher = hasher or PasswordHasher()
        self._places = BoundedSemaphore(at_once)
        self._patience = patience
        # Verified against when there is no such person, so that both take the same time.
        self._nobody = _hash_of_nothing(self._hasher)

    def hash(self, password: str) -> str:
        """Return a hash that carries its own parameters and salt."""
        with self._place():
            return self._hasher.hash(_composed(password))

    def verify(self, stored: str | None, password: str) -> Match:
        """Compare, also with what was hashed before letters were brought into one form."""
        composed = _composed(password)
        decomposed = unicodedata.normalize("NFD", password)
        for form in dict.fromkeys((composed, decomposed, password)):
            if self._matches(stored or self._nobody, form) and stored is not None:
                current = form == composed and not self._hasher.check_needs_rehash(stored)
                return Match.RIGHT if current else Match.OUTDATED
        return Match.WRONG

    def _matches(self, stored: str, password: str) -> bool:
        with self._place():
            try:
                return self._hasher.verify(stored, password)
            except (VerificationError, InvalidHashError):
                return False

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=self._patience):
            raise ServerBusy("Too many people sign in at this moment. Try again.")
        try:
            yield
        finally:
            self._places.release()


def _composed(password: str) -> str:
    """Return the one form that is hashed (NIST SP 800-63B, 3.1.1.2): keyboards differ in it."""
    return unicodedata.normalize("NFC", password)


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """Return a hash of no password, which costs as much to compare as any other."""
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = (
        b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    return f"$argon2{hasher.type.name.lower()}$v=19${cost}${salt}${digest}"
