"""Which texts of a provider are fit to be stored and shown."""

import re

MAX_SUBJECT_CHARACTERS = 255  # OpenID Connect Core, 2
MAX_TEXT_CHARACTERS = 320  # the longest address that RFC 5321, 4.5.3.1 allows

# What no name holds, and what databases and encoders choke on: controls and lone surrogates.
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def text(value: object, *, limit: int = MAX_TEXT_CHARACTERS) -> str | None:
    """Return a claim's text when it is fit to be stored and shown, else `None`.

    Example:
        >>> text("Aino"), text("a\\x00b"), text(7), text("")
        ('Aino', None, None, None)
    """
    if not isinstance(value, str) or not value or len(value) > limit or _UNFIT.search(value):
        return None
    return value


def subject_text(value: object) -> str | None:
    """Return a user's key when it is fit for one, else `None`."""
    return text(value, limit=MAX_SUBJECT_CHARACTERS)
