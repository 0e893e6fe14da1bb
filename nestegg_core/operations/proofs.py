"""What a restored database must pass: its books balance, and its encrypted values open."""

from collections.abc import Callable, Sequence, Sized
from typing import Protocol

from nestegg_core.contracts.storage import Storage


class Books(Protocol):
    """What a check of the books found."""

    @property
    def differences(self) -> Sized:
        """Accounts whose balance is not what their rows add up to."""
        ...


class Values(Protocol):
    """What opening every encrypted value found."""

    @property
    def checked(self) -> int:
        """How many there are."""
        ...

    @property
    def failures(self) -> Sized:
        """Those that do not open."""
        ...


def books_balance(check: Callable[[Storage], Books]) -> Callable[[Storage], Sequence[str]]:
    """Return the proof that every account's balance is the sum of its rows."""

    def prove(storage: Storage) -> Sequence[str]:
        wrong = len(check(storage).differences)
        return [f"the balances of {wrong} accounts are not the sums of their rows"] if wrong else []

    return prove


def values_open(check: Callable[[Storage], Values]) -> Callable[[Storage], Sequence[str]]:
    """Return the proof that every encrypted value opens with the keys at hand."""

    def prove(storage: Storage) -> Sequence[str]:
        found = check(storage)
        wrong = len(found.failures)
        told = f"{wrong} of {found.checked} encrypted values do not open with the keys at hand"
        return [told] if wrong else []

    return prove
