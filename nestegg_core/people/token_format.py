"""What a personal access token looks like: `nep_`, 43 random characters, 6 of a checksum.

The checksum is no secret. It lets a secret scanner tell a token from what only looks like one
(`nep_[0-9A-Za-z]{49}`), and a mistyped token is refused without a look into the database. Letters
and digits alone, so that a double click selects the whole of it.
"""

import re
import secrets
import string
from hashlib import sha256
from zlib import crc32

PREFIX = "nep_"

_ALPHABET = string.digits + string.ascii_letters
_RANDOM = 43
"""Characters; of 62 each, which makes 256 bits."""
_CHECKSUM = 6
"""Characters; enough for the 32 bits of a CRC."""
_FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM + _CHECKSUM}}}", re.ASCII)


def new_token() -> str:
    """Return a token that nobody has.

    Example:
        >>> is_token(new_token()), len(new_token())
        (True, 53)
    """
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return body + _checksum(body)


def looks_personal(token: str) -> bool:
    """Tell whether a bearer token claims to be a personal one, so that no provider is asked."""
    return token.startswith(PREFIX)


def is_token(token: str) -> bool:
    """Tell whether a text has the form and the checksum of a token, whoever made it.

    Example:
        >>> is_token("nep_" + 49 * "0")
        False
    """
    if not _FORM.fullmatch(token):
        return False
    return _checksum(token[:-_CHECKSUM]) == token[-_CHECKSUM:]


def token_hash(token: str) -> bytes:
    """Return what is stored of a token: it has 256 random bits, so no salt and no slow hash."""
    return sha256(token.encode()).digest()


def _checksum(body: str) -> str:
    number, digits = crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
