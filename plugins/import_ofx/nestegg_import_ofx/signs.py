"""Whether money went out or in: the amount's sign says it, unless a whole statement contradicts.

Some banks write every amount without a sign and leave it to the type of the booking, others turn
all signs around. One booking cannot tell; all of a statement together can.
"""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from nestegg_import_ofx.entries import CARD

WRITTEN, TYPE, OPPOSITE = "written", "type", "opposite"
OUT = frozenset({"DEBIT", "FEE", "SRVCHG", "PAYMENT", "CHECK", "DIRECTDEBIT", "CASH"})
IN = frozenset({"CREDIT", "DEP", "DIRECTDEP", "DIV"})
# By the specification these go either way; without a sign they mostly go this way.
OFTEN_OUT = frozenset({"ATM", "POS"})
OFTEN_IN = frozenset({"INT"})
_FEW = 2


def direction(kind: str, trntype: str) -> int:
    """Return -1 for a type that is money out, 1 for money in, 0 for one that may be both.

    A payment to a card comes in, and it pays interest and does not earn it.
    """
    if kind == CARD and trntype in {"PAYMENT", "INT"}:
        return 0
    if trntype in OUT | OFTEN_OUT:
        return -1
    return 1 if trntype in IN | OFTEN_IN else 0


def decide(kind: str, bookings: Sequence[tuple[Decimal, str]]) -> tuple[str, bool]:
    """Decide how a statement's signs are to be read.

    Args:
        kind: of the account.
        bookings: amount and type of each.

    Returns:
        `written` or `type`, and whether that must be asked.
    """
    moved = [(amount, trntype) for amount, trntype in bookings if amount]
    told = Counter((_strong(kind, trntype), amount > 0) for amount, trntype in moved)
    out_as_in, out, into, in_as_out = (
        told[-1, True],
        told[-1, False],
        told[1, True],
        told[1, False],
    )
    if moved and all(amount > 0 for amount, _ in moved):
        return _unsigned(kind, [trntype for _, trntype in moved], out_as_in)
    if moved and all(amount < 0 for amount, _ in moved):
        return WRITTEN, in_as_out > 0 and (in_as_out > 1 or out > 0 or len(moved) == 1)
    if not (out_as_in or out) or not (into or in_as_out):
        # One type alone says nothing, unless it says the opposite of every sign.
        wrong, right = out_as_in + in_as_out, out + into
        return WRITTEN, wrong >= _FEW and not right and told[0, True] + told[0, False] > 0
    unsigned = out_as_in > out and into > 0
    return WRITTEN, unsigned or out_as_in + in_as_out > out + into


def _unsigned(kind: str, types: Sequence[str], strongly_out: int) -> tuple[str, bool]:
    """Decide where nothing is negative."""
    directions = {direction(kind, one) for one in types}
    if strongly_out and 1 in directions:
        return TYPE, False
    if -1 in directions:
        return WRITTEN, True
    says_nothing = len(types) >= _FEW and not directions & {1} and "XFER" not in types
    return WRITTEN, says_nothing


def is_doubtful(kind: str, bookings: Sequence[tuple[Decimal, str]]) -> bool:
    """Tell where every amount is money in, and the types do not all say so."""
    moved = [(amount, trntype) for amount, trntype in bookings if amount]
    return (
        len(moved) > 1
        and all(amount > 0 for amount, _ in moved)
        and any(not direction(kind, trntype) for _, trntype in moved)
    )


def _strong(kind: str, trntype: str) -> int:
    return 0 if trntype in OFTEN_OUT | OFTEN_IN else direction(kind, trntype)
