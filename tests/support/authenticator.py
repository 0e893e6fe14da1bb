"""An authenticator app: what somebody scans the second factor's secret with."""

import time
from base64 import b32decode
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from support.household import PASSWORD, Household

PATH = "/api/v1/me/second-factor"


@dataclass
class Authenticator:
    """Shows codes.

    Attributes:
        secret: base32, as the server gave it.
    """

    secret: str

    def code(self, *, at: float | None = None) -> str:
        """Return the code of a moment, in seconds since 1970; of the present one by default."""
        totp = TOTP(b32decode(self.secret), 6, SHA1(), 30)  # noqa: S303 - what authenticators use
        return totp.generate(time.time() if at is None else at).decode()


def authenticator(user: Household) -> Authenticator:
    """Begin a second factor for a user, which is off until a code confirms it."""
    begun = user.post(PATH, password=PASSWORD)
    assert begun.status_code == 200, begun.text
    return Authenticator(begun.json["secret"])
