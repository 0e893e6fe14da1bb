"""Which passwords nobody may choose: those that whoever guesses tries first (NIST SP 800-63B)."""

import re
import unicodedata
from collections.abc import Iterator

from nestegg_core.errors import InvalidInput
from nestegg_core.people.passwords import MIN_LENGTH

_PRODUCT = "nestegg"
_WORD = re.compile(r"[^\W_]+")
_LEAST_WORD = 4
"""Letters; shorter words stand in others by chance."""

_WINDOW = 16
"""Characters that are judged together: what costs time grows with their number."""

_GUESSABLE = 2
"""zxcvbn's score of what withstands a million guesses."""


def refuse_weak(password: str, pointer: str, *, email: str | None, name: str | None) -> None:
    """Refuse a password that is common, or little more than the person's email or name.

    Args:
        pointer: where the request has it, for the error.
        email: of the person.
        name: of the person.

    Raises:
        InvalidInput: says which of these it is.

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
    """Return letters and digits alone."""
    return "".join(_WORD.findall(_folded(text)))
