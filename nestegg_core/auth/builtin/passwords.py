"""Which passwords nobody may choose: those that whoever guesses tries first (NIST SP 800-63B)."""

import re
import secrets
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from nestegg_core.errors import InvalidInput, ServerBusy

_PRODUCT = "nestegg"
_WORD = re.compile(r"[^\W_]+")
_LEAST_WORD = 4
"""Letters; shorter words stand in others by chance."""

_WINDOW = 16
"""Characters that are judged together: what costs time grows with their number."""

_GUESSABLE = 2
"""zxcvbn's score of what withstands a million guesses."""


def refuse_weak(password: str, pointer: str, *, email: str | None, name: str | None) -> None:
    """Refuse a password that is common, or little more than the user's email or name.

    Example:
        >>> refuse_weak("correct horse battery", "/password", email="ada@example.org", name=None)
        >>> refuse_weak("12345678", "/password", email="ada@example.org", name=None)
        Traceback (most recent call last):
        nestegg_core.errors.InvalidInput: /password: is one of the first that anybody would guess: take four words that have nothing to do with each other
    """  # noqa: E501 - the example shows the whole message
    if _is_little_but(password, {_PRODUCT}):
        raise InvalidInput.one(pointer, "product_name", "is little more than this product's name")
    if _is_little_but(password, set(_words_of(email, name))):
        raise InvalidInput.one(pointer, "own_email", "is little more than your own email or name")
    if _is_common(password):
        raise InvalidInput.one(
            pointer,
            "too_common",
            "is one of the first that anybody would guess: take four words that have nothing to "
            "do with each other",
        )


def _words_of(email: str | None, name: str | None) -> Iterator[str]:
    """Yield the email, what stands before and behind its @, and each word of all."""
    for text in (email or "", *(email or "").split("@"), name or ""):
        yield _plain(text)
        yield from _WORD.findall(_folded(text))


def _is_little_but(password: str, words: set[str]) -> bool:
    """Tell whether a password is too short without these words."""
    plain = rest = _plain(password)
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _LEAST_WORD:
            rest = rest.replace(word, "")
    known = len(plain) - len(rest)
    return known > 0 and len(password) - known < MIN_LENGTH


def _is_common(password: str) -> bool:
    # Its lists take 13 MB, which a process has only once somebody chooses a password there.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    windows = (password[at : at + _WINDOW] for at in range(0, len(password), _WINDOW))
    return all(zxcvbn(window)["score"] < _GUESSABLE for window in windows)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _plain(text: str) -> str:
    return "".join(_WORD.findall(_folded(text)))


MIN_LENGTH = 8
"""NIST SP 800-63B, 3.1.1.2."""

MAX_LENGTH = 1_000

AT_ONCE = 2
PATIENCE_SECONDS = 10.0


class Match(Enum):
    WRONG = "wrong"
    RIGHT = "right"
    OUTDATED = (
        "outdated"  # right, but hashed with other parameters or in another form of the letters
    )


class Passwords:
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
        # Verified against when there is no such user, so that both take the same time.
        self._nobody = _hash_of_nothing(self._hasher)

    def hash(self, password: str) -> str:
        with self._place():
            return self._hasher.hash(_composed(password))

    def verify(self, stored: str | None, password: str) -> Match:
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
            raise ServerBusy("Too many users sign in at this moment. Try again.")
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
