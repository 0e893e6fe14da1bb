"""Time-based one-time passwords (RFC 6238), with the parameters that every authenticator knows."""

import secrets
from base64 import b32decode, b32encode
from datetime import datetime

from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from cryptography.hazmat.primitives.twofactor.totp import TOTP

DIGITS = 6
STEP_SECONDS = 30
ISSUER = "Nest Egg"

_SECRET_BYTES = 20
"""RFC 4226, 4: the length that is recommended."""

_DRIFT = 1
"""Steps by which clocks may differ, to either side (RFC 6238, 5.2)."""

_HASH = SHA1()  # noqa: S303 - HMAC does not need it to resist collisions (RFC 4226, B.2)


def new_secret() -> str:
    """Return a random secret in base32, as people type it into an authenticator."""
    return b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def uri_of(secret: str, account: str) -> str:
    """Return the `otpauth` address that authenticators read from a QR code.

    Example:
        >>> uri_of("MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U", "Ada")  # doctest: +ELLIPSIS
        'otpauth://totp/Nest%20Egg:Ada?digits=6&secret=MFRG...3U&algorithm=SHA1&issuer=...'
    """
    totp = TOTP(b32decode(secret), DIGITS, _HASH, STEP_SECONDS)
    # Authenticators decode it as a URI and not as a form: a + would stay a +.
    return totp.get_provisioning_uri(account, ISSUER).replace("+", "%20")


def is_code(text: str) -> bool:
    """Tell whether a text looks like a code, and not like something else.

    Example:
        >>> is_code("123456"), is_code("ABCD-EFGH")
        (True, False)
    """
    return len(text) == DIGITS and text.isascii() and text.isdigit()


def step_of(now: datetime) -> int:
    """Return the number of the time step that a moment is in."""
    return int(now.timestamp()) // STEP_SECONDS


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """Return the step whose code it is, the latest if there are several; `None` for a wrong code.

    Every step is compared, in constant time, so that how long it takes tells nothing.

    Example:
        >>> from datetime import UTC
        >>> now = datetime.fromtimestamp(59, UTC)  # RFC 6238, appendix B, by its last six digits
        >>> matching_step("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "287082", now)
        1
    """
    hotp = HOTP(b32decode(secret), DIGITS, _HASH)
    present = step_of(now)
    steps = range(max(0, present - _DRIFT), present + _DRIFT + 1)
    given = code.encode()
    matches = [step for step in steps if bytes_eq(hotp.generate(step), given)]
    return max(matches, default=None)
