"""How often a sign-in may be tried, so that nobody guesses and nobody is locked out.

A stranger can use up what strangers have: the tries from their own address, and the tries for an
account from addresses that it was never used from. From an address where the person has signed in
before, only that person's tries there count.
"""

from uuid import UUID

from nestegg_core.people import totp
from nestegg_core.people.devices import Device
from nestegg_core.people.rate_limits import RateLimits

_PAIR = "sign-in to an account from an address"
_ADDRESS = "sign-in from an address"
_ACCOUNT = "sign-in to an account"
_CODE = "code for an account"


class SignInLimits:
    """Counts tries to sign in."""

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits

    def admit(self, account: bytes, device: Device | None, *, known: bool) -> None:
        """Count a try, before any password is looked at: many at once count as many.

        Args:
            account: index of the email, whether or not there is such an account.
            device: where it comes from; `None` is not counted.
            known: whether the account was signed in to from there before.

        Raises:
            TooManyRequests: there were too many.
        """
        if device is None:
            return
        self._limits.hit(_PAIR, account.hex(), device.network)
        if not known:
            self._limits.hit(_ADDRESS, device.network)
            self._limits.hit(_ACCOUNT, account.hex())

    def admit_code(self, person_id: UUID, code: str) -> None:
        """Count a try of a code, wherever it comes from: the password was right already.

        Recovery codes are not counted, for they cannot be guessed: they are the way in for
        somebody whose codes others use up.

        Raises:
            TooManyRequests: there were too many.
        """
        if totp.is_code("".join(code.split())):
            self._limits.hit(_CODE, person_id)

    def forget(self, account: bytes, person_id: UUID, device: Device | None) -> None:
        """Begin anew for somebody who has signed in."""
        self._limits.forget(_CODE, person_id)
        if device is not None:
            self._limits.forget(_PAIR, account.hex(), device.network)
