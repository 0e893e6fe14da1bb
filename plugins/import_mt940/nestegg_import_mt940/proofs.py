"""Whether a message's own figures verify its bookings, and what they say of reversals.

The opening balance and all bookings make up the closing balance, or something was misread.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import Enum

from nestegg_import_mt940.messages import Message


class Proof(Enum):
    """What the figures say."""

    VERIFIED = "verified"
    CONTRADICTED = "contradicted"
    MISSING = "missing"  # an MT942 has none, or something cannot be read


def verify(message: Message, *, flipped: bool = False) -> Proof:
    """Compare the bookings with the balances, or with an MT942's sums.

    Args:
        message: of one account.
        flipped: whether reversals count the other way round than the standard has it.
    """
    if any(booking.problems for booking in message.bookings):
        return Proof.MISSING
    missing = missing_amount(message, flipped=flipped)
    if missing is not None:
        return Proof.CONTRADICTED if missing else Proof.VERIFIED
    if message.is_interim:
        return _by_sums(message)
    # Every MT940 begins and ends with a balance: one that does not has lost its end.
    return Proof.CONTRADICTED


def missing_amount(message: Message, *, flipped: bool = False) -> Decimal | None:
    """Return what the bookings lack between the balances; None where there is no such pair."""
    if message.opening is None or message.closing is None:
        return None
    booked = Decimal(0)
    for booking in message.bookings:
        if booking.amount is not None and not booking.is_expected:
            turned = flipped and booking.is_reversal
            booked += -booking.amount if turned else booking.amount
    return message.closing - message.opening - booked


def reversals_are_flipped(messages: Sequence[Message]) -> bool:
    """Tell whether only the opposite of the standard's meaning explains the balances."""
    telling = [one for one in messages if any(booking.is_reversal for booking in one.bookings)]
    standard = {verify(one) for one in telling}
    opposite = {verify(one, flipped=True) for one in telling}
    return Proof.CONTRADICTED in standard and Proof.CONTRADICTED not in opposite


def _by_sums(message: Message) -> Proof:
    """Compare with counts and sums, which are by mark at some banks and by sign at others."""
    if not message.sums:
        return Proof.MISSING
    by_mark = {letter: _amounts(message, mark=letter) for letter in "CD"}
    by_sign = {letter: _amounts(message, sign=sign) for letter, sign in (("C", 1), ("D", -1))}
    fits = any(
        all(
            one.count == len(found[letter]) and one.amount == sum(found[letter])
            for letter, one in message.sums.items()
        )
        for found in (by_mark, by_sign)
    )
    return Proof.VERIFIED if fits else Proof.CONTRADICTED


def _amounts(message: Message, *, mark: str = "", sign: int = 0) -> list[Decimal]:
    return [
        abs(booking.amount)
        for booking in message.bookings
        if booking.amount is not None
        and (booking.mark.endswith(mark) if mark else booking.amount * sign > 0)
    ]
