"""What a report says beside its entries: whose account it is, its balances, its sums."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from nestegg_import_camt.amounts import read_amount, sign_of
from nestegg_import_camt.nodes import Node

_OPENING = ("OPBD", "PRCD")
_CLOSING = ("CLBD",)
_INTERIM = "ITBD"
_COUNT = re.compile("[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Total:
    """What a report says of all its entries, or of those of one direction."""

    count: int | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """A report without its entries.

    Attributes:
        name: its own id.
        number: the account's; an IBAN where it has one.
        opening: the balance of booked money before the first entry.
        closing: the same after the last one.
        is_interim: whether the closing balance is one of the day's, which may be ahead or behind.
    """

    name: str = ""
    number: str = field(default="", repr=False)
    account_name: str = ""
    currency: str = ""
    opening: Decimal | None = None
    closing: Decimal | None = None
    is_interim: bool = False
    credits: Total = Total()
    debits: Total = Total()


def read_head(report: Node) -> Head:
    """Read a report's own elements."""
    balances = list(_balances(report))
    currency = report.text("Acct", "Ccy") or next((one for _, one, _ in balances if one), "")
    own = [(code, amount) for code, of, amount in balances if of in {"", currency}]
    opening, closing, is_interim = _edges(own)
    return Head(
        name=report.text("Id"),
        number=report.text("Acct", "Id", "IBAN") or report.text("Acct", "Id", "Othr", "Id"),
        account_name=report.text("Acct", "Nm"),
        currency=currency,
        opening=opening,
        closing=closing,
        is_interim=is_interim,
        credits=_total(report, "TtlCdtNtries"),
        debits=_total(report, "TtlDbtNtries"),
    )


def _balances(report: Node) -> Iterator[tuple[str, str, Decimal]]:
    """Go through code, currency and amount of the balances that can be read."""
    for balance in report.all("Bal"):
        amount, sign = balance.first("Amt"), sign_of(balance.text("CdtDbtInd"))
        value = read_amount(amount.own_text()) if amount else None
        if amount and value is not None and sign:
            # Some banks write a debt with a minus sign beside its indicator.
            value = -abs(value) if sign < 0 else value
            yield balance.text("Tp", "CdOrPrtry", "Cd"), amount.currency, value


def _edges(balances: list[tuple[str, Decimal]]) -> tuple[Decimal | None, Decimal | None, bool]:
    """Find opening and closing balance; pages of a statement meet at interim ones."""
    openings = [amount for kind in _OPENING for code, amount in balances if code == kind]
    closings = [amount for code, amount in balances if code in _CLOSING]
    interim = [amount for code, amount in balances if code == _INTERIM]
    opening = next(iter(openings), None)
    closing = next(reversed(closings), None)
    is_interim = False
    if opening is None and interim and (closing is not None or len(interim) > 1):
        opening = interim.pop(0)
    if closing is None and interim:
        closing, is_interim = interim[-1], True
    return opening, closing, is_interim


def _total(report: Node, name: str) -> Total:
    count = report.text("TxsSummry", name, "NbOfNtries")
    return Total(
        int(count) if _COUNT.fullmatch(count) else None,
        read_amount(report.text("TxsSummry", name, "Sum")),
    )
