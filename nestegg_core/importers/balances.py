"""The closing balance of a statement that has a balance beside every booking."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple


class Booking(NamedTuple):
    """What a row says about the account's balance: `balance` is the one after it."""

    date: date
    amount: Decimal
    balance: Decimal


def closing_balance(bookings: Sequence[Booking]) -> Decimal | None:
    """Find the balance after the newest booking, in whatever order the rows stand.

    On a newest day with several bookings the balances themselves tell their order: each one's
    balance less its amount is the balance before it, so all but the last are followed up.

    Args:
        bookings: in the file's order, of one account.

    Returns:
        None where the file does not say: no bookings, balances that contradict one another, or
        a day that ends where it began in a file that shows no order.

    Example:
        >>> day = date(2022, 8, 17)
        >>> closing_balance([
        ...     Booking(day, Decimal(20), Decimal(120)), Booking(day, Decimal(-5), Decimal(100)),
        ... ])
        Decimal('120')
    """
    if not bookings:
        return None
    newest_day = max(booking.date for booking in bookings)
    newest = [booking for booking in bookings if booking.date == newest_day]
    if len({booking.balance for booking in newest}) == 1:
        return newest[0].balance
    after = Counter(booking.balance for booking in newest)
    before = Counter(booking.balance - booking.amount for booking in newest)
    last = list((after - before).elements())
    if len(last) == 1:
        return last[0]
    if last:
        return None
    return _by_order(bookings, newest)


def _by_order(bookings: Sequence[Booking], newest: Sequence[Booking]) -> Decimal | None:
    """Decide a day that ends where it began by the order of the other days."""
    days = [booking.date for booking in bookings]
    if len(set(days)) == 1:
        return None
    if all(a <= b for a, b in pairwise(days)):
        return newest[-1].balance
    if all(a >= b for a, b in pairwise(days)):
        return newest[0].balance
    return None
