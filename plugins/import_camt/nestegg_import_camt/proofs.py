"""Whether a report's own figures verify its entries, and what they say of reversals.

The opening balance and all booked entries make up the closing balance, or something was misread.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import Enum

from nestegg_import_camt.entries import Entry
from nestegg_import_camt.heads import Total
from nestegg_import_camt.messages import Report


class Proof(Enum):
    """What the figures say."""

    VERIFIED = "verified"
    CONTRADICTED = "contradicted"
    MISSING = "missing"  # there are none, or an entry cannot be read


def verify(report: Report, currency: str, *, flipped: bool = False) -> Proof:
    """Compare the entries with the balances, or else with the sums that the report tells.

    Args:
        report: of one account.
        currency: the account's.
        flipped: whether reversals count the other way round than the standard has it.
    """
    if any(entry.row.problems for entry in report.entries):
        return Proof.MISSING
    missing = missing_amount(report, currency, flipped=flipped)
    if missing is None:
        return _by_sums(report)
    if not missing:
        return Proof.VERIFIED
    # A balance of the day may be ahead of its entries, or behind: it verifies, or says nothing.
    return _by_sums(report) if report.head.is_interim else Proof.CONTRADICTED


def missing_amount(report: Report, currency: str, *, flipped: bool = False) -> Decimal | None:
    """Return what the entries lack between the balances; None where there is no such pair."""
    head = report.head
    if head.opening is None or head.closing is None:
        return None
    booked = Decimal(0)
    for entry in report.entries:
        is_own = entry.currency in {"", currency} and not entry.is_information
        if is_own and entry.row.status == "booked" and entry.row.amount is not None:
            turned = flipped and entry.is_reversal
            booked += -entry.row.amount if turned else entry.row.amount
    return head.closing - head.opening - booked


def reversals_are_flipped(reports: Sequence[tuple[Report, str]]) -> bool:
    """Tell whether only the opposite of the standard's meaning explains the balances.

    Args:
        reports: of all accounts, each with the account's currency.
    """
    telling = [one for one in reports if any(entry.is_reversal for entry in one[0].entries)]
    standard = {verify(*one) for one in telling}
    opposite = {verify(*one, flipped=True) for one in telling}
    return Proof.CONTRADICTED in standard and Proof.CONTRADICTED not in opposite


def _by_sums(report: Report) -> Proof:
    """Compare with the sums, which count pending entries at some banks and not at others."""
    head = report.head
    if head.credits == head.debits == Total():
        return Proof.MISSING
    every = [entry for entry in report.entries if not entry.is_information]
    booked = [entry for entry in every if entry.row.status == "booked"]
    fits = any(
        _fits(head.credits, _amounts(entries, 1)) and _fits(head.debits, _amounts(entries, -1))
        for entries in (report.entries, every, booked)
    )
    return Proof.VERIFIED if fits else Proof.CONTRADICTED


def _amounts(entries: Sequence[Entry], sign: int) -> list[Decimal]:
    return list(_signed(entries, sign))


def _signed(entries: Sequence[Entry], sign: int) -> Iterator[Decimal]:
    for entry in entries:
        amount = entry.row.amount
        if amount is not None and (amount * sign > 0 or (not amount and sign > 0)):
            yield abs(amount)


def _fits(total: Total, amounts: Sequence[Decimal]) -> bool:
    counted = total.count is None or total.count == len(amounts)
    return counted and (total.amount is None or total.amount == sum(amounts))
