"""One entry to one row. What it holds of single payments gives texts and never bookings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from nestegg_core import RowProblem, StatementRow
from nestegg_import_camt.amounts import LARGEST, read_amount, sign_of
from nestegg_import_camt.nodes import Node

LONGEST_TEXT = 500
LONGEST_LINE = 140  # of remittance information: a full one goes on in the next without a blank

Status = Literal["booked", "pending"]

_STATUSES: dict[str, Status] = {
    "": "booked",
    "BOOK": "booked",
    "PDNG": "pending",
    "FUTR": "pending",
}
_INFORMATION = "INFO"
_TRUE = frozenset({"true", "1"})
_FALSE = frozenset({"", "false", "0"})
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T+\-Z].*)?", re.ASCII)
_CURRENCY = re.compile("[A-Z]{3}", re.ASCII)
_NOTHING = re.compile(r"NOT ?PROVIDED|NONREF|NOTPROV|NOT AVAILABLE|0*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry, read by the standard.

    Attributes:
        row: with the amount's sign as the standard means it, and no account yet.
        currency: of its amount; empty where it says none.
        is_reversal: whether it takes back an earlier one.
        is_information: whether the bank tells it without booking anything.
        says_status: whether it says that it is booked, or pending.
    """

    row: StatementRow
    currency: str = ""
    is_reversal: bool = False
    is_information: bool = False
    says_status: bool = True


def read_entry(entry: Node, owner: str) -> Entry:
    """Read an entry.

    Args:
        entry: with what is below it.
        owner: the account's, who is never the other side.
    """
    problems: list[RowProblem] = []
    status = entry.text("Sts", "Cd") or entry.text("Sts", "Prtry") or entry.text("Sts")
    amount, currency = _amount(entry, problems)
    day = _day(entry, problems)
    reversal = entry.text("RvslInd").lower()
    if reversal not in _TRUE | _FALSE:
        problems.append(
            RowProblem("bad_reversal", "says neither that it is a reversal, nor that it is none")
        )
    if status not in _STATUSES and status != _INFORMATION:
        problems.append(
            RowProblem("unknown_status", "has a status that is neither BOOK, PDNG nor INFO")
        )
    if entry.is_cut:
        problems.append(RowProblem("too_many_parts", "has more parts than an entry can have"))
    is_reversal = reversal in _TRUE
    payee, description = _texts(entry, owner, is_reversal=is_reversal)
    row = StatementRow(
        line=entry.line,
        date=None if problems else day,
        amount=None if problems else amount,
        payee=payee[:LONGEST_TEXT].rstrip(),
        description=description[:LONGEST_TEXT].rstrip(),
        notes=_notes(entry)[:LONGEST_TEXT].rstrip(),
        external_id=_external_id(entry)[:LONGEST_TEXT].rstrip(),
        problems=tuple(problems),
        status=_STATUSES.get(status, "booked"),
    )
    return Entry(row, currency, is_reversal, status == _INFORMATION, bool(status))


def _amount(entry: Node, problems: list[RowProblem]) -> tuple[Decimal | None, str]:
    node, sign = entry.first("Amt"), sign_of(entry.text("CdtDbtInd"))
    value = read_amount(node.own_text()) if node else None
    if node is None or not node.own_text():
        problems.append(RowProblem("missing_amount", "has no amount", "amount"))
    elif value is None:
        problems.append(
            RowProblem("bad_amount", "is not a number with at most four decimals", "amount")
        )
    elif value < 0:
        problems.append(
            RowProblem("bad_amount", "is negative, and has an indicator as well", "amount")
        )
    elif value > LARGEST:
        problems.append(RowProblem("out_of_range", "is beyond 100,000,000,000,000", "amount"))
    if not sign:
        problems.append(
            RowProblem("missing_direction", "is said to be neither CRDT nor DBIT", "amount")
        )
    currency = node.currency if node else ""
    if currency and not _CURRENCY.fullmatch(currency):
        problems.append(RowProblem("bad_currency", "is not a code of three letters", "currency"))
    return (None if value is None else value * sign), currency


def _day(entry: Node, problems: list[RowProblem]) -> date | None:
    """Take the booking day as it is written: a time is never moved to another zone."""
    places = [(of, part) for of in ("BookgDt", "ValDt") for part in ("Dt", "DtTm")]
    text = next(filter(None, (entry.text(*place) for place in places)), "")
    written = _DAY.fullmatch(text)
    try:
        if written:
            return date.fromisoformat(written[1])
    except ValueError:
        pass  # the thirtieth of February
    problem = (
        ("bad_date", "is not a date of the calendar") if text else ("missing_date", "has no date")
    )
    problems.append(RowProblem(*problem, "date"))
    return None


def _texts(entry: Node, owner: str, *, is_reversal: bool) -> tuple[str, str]:
    """Return the other side and what it was for."""
    is_credit = (entry.text("CdtDbtInd") == "CRDT") != is_reversal
    details = list(entry.all("NtryDtls", "TxDtls"))
    additional = entry.text("AddtlNtryInf")
    parties = [_other_side(one, owner, is_credit=is_credit) for one in details]
    purposes = [_purpose(one) for one in details]
    if len(details) > 1:
        texts = (" ".join(filter(None, pair)) for pair in zip(parties, purposes, strict=True))
        description = "; ".join(_different(texts))
        names = list(_different(parties))
        payee = names[0] if len(names) == 1 else additional or ", ".join(names)
    else:
        payee, description = next(iter(parties), ""), next(iter(purposes), "")
    description = " ".join(_different((description, additional)))
    return payee or description or _kind(entry), description


def _other_side(details: Node, owner: str, *, is_credit: bool) -> str:
    """Return who paid a credit, or who was paid by a debit: the one behind a service first."""
    roles = ("Dbtr", "Cdtr") if is_credit else ("Cdtr", "Dbtr")
    for role in roles:
        for party in (f"Ultmt{role}", role):
            name = _party(details, party)
            if name and name.casefold() != owner.casefold():
                return name
    return ""


def _party(details: Node, role: str) -> str:
    name = details.text("RltdPties", role, "Pty", "Nm") or details.text("RltdPties", role, "Nm")
    return "" if _NOTHING.fullmatch(name) else name


def _purpose(details: Node) -> str:
    remittance = details.first("RmtInf")
    lines = [one.own_text() for one in remittance.all("Ustrd")] if remittance else []
    text = "".join(line if len(line) >= LONGEST_LINE else f"{line} " for line in lines).rstrip()
    structured = (
        one
        for path in (("CdtrRefInf", "Ref"), ("AddtlRmtInf",))
        for one in (node.own_text() for node in details.all("RmtInf", "Strd", *path))
    )
    reason = details.text("RtrInf", "Rsn", "Cd") or details.text("RtrInf", "Rsn", "Prtry")
    returned = (f"Returned: {reason}" if reason else "", details.text("RtrInf", "AddtlInf"))
    return " ".join(_different((text, *structured, details.text("AddtlTxInf"), *returned)))


def _kind(entry: Node) -> str:
    """Return the bank's own code for the kind of booking, where the entry says nothing else."""
    codes = ("Domn", "Cd"), ("Domn", "Fmly", "Cd"), ("Domn", "Fmly", "SubFmlyCd")
    own = entry.text("BkTxCd", "Prtry", "Cd")
    return own or " ".join(filter(None, (entry.text("BkTxCd", *code) for code in codes)))


def _notes(entry: Node) -> str:
    """Tell the amount before it was converted, and what the bank took for it."""
    own = entry.first("Amt")
    for details in (*entry.all("NtryDtls", "TxDtls"), entry):
        for kind in ("InstdAmt", "TxAmt"):
            amount = details.first("AmtDtls", kind, "Amt")
            if amount and own and amount.currency not in {"", own.currency}:
                return f"Originally {amount.currency} {amount.own_text()}"
    return ""


def _external_id(entry: Node) -> str:
    """Return the servicer's reference; `NtryRef` counts a statement's entries, and says no more."""
    details = list(entry.all("NtryDtls", "TxDtls"))
    own = entry.text("AcctSvcrRef")
    if _NOTHING.fullmatch(own) and len(details) == 1:
        own = details[0].text("Refs", "AcctSvcrRef")
    return "" if _NOTHING.fullmatch(own) else own


def _different(texts: Iterator[str] | tuple[str, ...] | list[str]) -> Iterator[str]:
    """Go through texts that are not empty, each once."""
    return iter(dict.fromkeys(filter(None, texts)))
