"""Passwords: argon2id (RFC 9106), with parameters that can be raised later."""

from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 8
"""NIST SP 800-63B, 3.1.1.2."""

MAX_LENGTH = 1_000


class Passwords(Protocol):
    """Hashes and verifies passwords."""

    def hash(self, password: str) -> str:
        """Return a hash to store."""
        ...

    def verify(self, stored: str | None, password: str) -> bool:
        """Compare; `None` takes the same time as a wrong password."""
        ...

    def is_outdated(self, stored: str) -> bool:
        """Tell whether a hash was made with other parameters than `hash` has now."""
        ...


class Argon2Passwords:
    """Fulfils `Passwords`.

    Args:
        hasher: with the parameters to use; the library's own recommended ones by default.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        # Verified against when there is no such person, so that both take the same time.
        self._nobody = self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """Return a hash that carries its own parameters and salt."""
        return self._hasher.hash(password)

    def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether the password is the one that was hashed."""
        try:
            matches = self._hasher.verify(stored or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return matches and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Tell whether a hash was made with other parameters, so that it is to be made anew."""
        return self._hasher.check_needs_rehash(stored)
