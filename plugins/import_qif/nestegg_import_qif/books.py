"""Records as they are written to rows: what is decided is decided for the whole file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from nestegg_core import Question, RowProblem, Statement, StatementAccount, StatementRow
from nestegg_import_qif import dates
from nestegg_import_qif.amounts import is_uneven, read_amount, votes
from nestegg_import_qif.options import Options
from nestegg_import_qif.records import CARD, Block, Record, Records
from nestegg_import_qif.text import Text

WRITTEN, OPPOSITE = "written", "opposite"
BALANCE, BOOKING = "balance", "booking"

_LONGEST = 500
_SHOWN_LINES = 10
_FEW = 3
_TRANSFER = re.compile(r"\[(.*)\](?:/.*)?")
_VOID = re.compile(r"\*{2}void\*{2}\s*", re.IGNORECASE)
_EIGHT = re.compile(r"(?:19|20)\d{6}", re.ASCII)
_OPENINGS = {
    "opening balance",
    "eröffnungssaldo",
    "anfangssaldo",
    "anfangsbestand",
    "solde initial",
    "solde d'ouverture",
    "saldo inicial",
    "saldo iniziale",
    "beginsaldo",
    "openingssaldo",
}

_BROKEN = RowProblem(
    "broken_booking", "The booking's beginning or end is lost: it may hold values of another."
)
_NO_DAY = RowProblem("missing_date", "The booking has no day.", "date")
_NO_AMOUNT = RowProblem("missing_amount", "The booking has no amount.", "amount")
_AMOUNTS = {
    "bad_amount": "The amount is no number as the others of the file are.",
    "too_precise": "The amount has more than four decimals.",
    "out_of_range": "The amount is beyond 100,000,000,000,000.",
}
_ORDERS = {
    dates.DAY_FIRST: "03/04 is 3 April",
    dates.MONTH_FIRST: "03/04 is March 4",
    dates.YEAR_FIRST: "03/04/05 is 5 April 2003",
}


@dataclass(slots=True)
class _Booking:
    """A booking that is being read."""

    record: Record
    account: str
    day: date | None = None
    amount: Decimal | None = None
    problems: list[RowProblem] = field(default_factory=list)


@dataclass(slots=True)
class _Decided:
    """What was decided for the file, and what stays open."""

    warnings: list[str]
    questions: list[Question] = field(default_factory=list)
    order: str = dates.DAY_FIRST
    mark: str = "."
    sign: str = WRITTEN

    def ask(
        self,
        decision: str,
        choices: dict[str, str],
        evidence: str,
        lines: list[int],
        account: str = "",
    ) -> None:
        self.questions.append(Question(decision, choices, evidence, lines[:_SHOWN_LINES], account))


def settle(found: Records, told: Options, text: Text) -> Statement:
    """Return the statement that a file's blocks make up."""
    decided = _Decided(list(text.warnings))
    blocks = found.blocks
    written = [[dates.scan(one.fields.get("D", "")) for one in block.records] for block in blocks]
    _decide_order(found, written, told, decided)
    _decide_mark(blocks, told, decided)
    by_apostrophe = any(one.after_2000 for block in written for one in block if one)
    accounts: list[StatementAccount] = []
    bookings: list[_Booking] = []
    for place, (block, days) in enumerate(zip(blocks, written, strict=True), 1):
        own = [
            _read(
                record,
                str(place),
                dates.read(day, decided.order, by_apostrophe=by_apostrophe),
                decided.mark,
            )
            for record, day in zip(block.records, days, strict=True)
        ]
        _decide_sign(block, own, told, decided)
        opening = _opening(block, own, told, decided)
        accounts.append(
            StatementAccount(
                key=str(place),
                name=(block.name or (_own_name(own[0]) if opening else "") or block.label),
                opening_balance=opening.amount if opening else None,
            )
        )
        bookings += [one for one in own if one is not opening]
    if told.sign == OPPOSITE:
        for booking in bookings:
            booking.amount = -booking.amount if booking.amount else booking.amount
    several = len(blocks) > 1
    named = accounts if several or accounts[0].name else []
    if not named:  # nobody else's question
        decided.questions = [replace(one, account="") for one in decided.questions]
    bookings.sort(key=lambda one: one.record.line)
    _tell(found, bookings, decided)
    return Statement(
        decisions={
            "encoding": text.encoding,
            "date_format": dates.FORMATS[decided.order],
            "decimal_mark": decided.mark,
            "sign": told.sign or WRITTEN,
            "opening": told.opening or "",
        },
        rows=[_row(one, several=several) for one in bookings],
        warnings=decided.warnings,
        accounts=named,
        questions=decided.questions,
    )


def _decide_order(
    found: Records,
    written: Sequence[Sequence[dates.Written | None]],
    told: Options,
    decided: _Decided,
) -> None:
    if told.order is not None:
        decided.order = told.order
        return
    blocks = found.blocks
    if found.order is not None:
        decided.order = found.order
        return
    hints = [
        (day, hinted.parts)
        for block, days in zip(blocks, written, strict=True)
        for record, day in zip(block.records, days, strict=True)
        if _EIGHT.fullmatch(number := record.fields.get("N", ""))
        and (hinted := dates.scan(number)) is not None
    ]
    known = [(day, other) for day, parts in hints if (other := dates.date_of(parts))]
    choice = dates.decide(written, known)
    decided.order = choice.order
    if not choice.others:
        if choice.doubt:
            decided.warnings.append(f"{choice.doubt} Set `date_format` if that is wrong.")
        return
    lines = [
        record.line
        for block, days in zip(blocks, written, strict=True)
        for record, day in zip(block.records, days, strict=True)
        if day is not None and len(day.orders) > 1
    ]
    choices = {dates.FORMATS[one]: _ORDERS[one] for one in (choice.order, *choice.others)}
    decided.ask("date_format", choices, choice.doubt, lines)


def _decide_mark(blocks: Sequence[Block], told: Options, decided: _Decided) -> None:
    if told.decimal_mark is not None:
        decided.mark = told.decimal_mark
        return
    written = [
        (record.line, text)
        for block in blocks
        for record in block.records
        for text in (_amount_text(record), *(split.amount for split in record.splits))
    ]
    counts = votes(text for _, text in written)
    decided.mark = "," if counts[","] > counts["."] else "."
    is_mixed = bool(counts["."] and counts[","])
    if not any(counts.values()):
        return
    if is_mixed and not counts["?"]:
        decided.mark = ""
        decided.warnings.append(
            "Some amounts have a point before their decimals, others a comma: each was read by its "
            "own. Look at them."
        )
        return
    is_clear = not is_mixed and bool(counts["."] or counts[","])
    if is_clear and not is_uneven((text for _, text in written), decided.mark):
        return
    evidence = "Amounts have just three digits behind their mark, so that it may mark thousands."
    if is_mixed:
        evidence = "Some amounts have a point before their decimals, others a comma."
    lines = [line for line, text in written if is_mixed or votes([text])["?"]]
    choices = {".": "1.400 is less than two", ",": "1.400 is one thousand four hundred"}
    decided.ask("decimal_mark", choices, evidence, lines)


def _amount_text(record: Record) -> str:
    return record.fields.get("T") or record.fields.get("U", "")


def _read(record: Record, account: str, day: date | None, mark: str) -> _Booking:
    booking = _Booking(record, account, day)
    if record.is_broken:
        booking.problems.append(_BROKEN)
    if day is None:
        detail = "The day is no date of the calendar, or not in the order of the file's others."
        bad = RowProblem("bad_date", detail, "date")
        booking.problems.append(bad if record.fields.get("D") else _NO_DAY)
    text = _amount_text(record)
    amount = read_amount(text, mark) if text else None
    if isinstance(amount, Decimal):
        booking.amount = amount
    elif amount is None:
        booking.problems.append(_NO_AMOUNT)
    else:
        booking.problems.append(RowProblem(amount, _AMOUNTS[amount], "amount"))
    return booking


def _decide_sign(block: Block, own: Sequence[_Booking], told: Options, decided: _Decided) -> None:
    """A card's purchases are negative: where most amounts are not, it must be asked."""
    if told.sign is not None:
        return
    amounts = [one.amount for one in own if one.amount]
    into = sum(amount > 0 for amount in amounts)
    if block.kind == CARD and len(amounts) > 1 and 2 * into > len(amounts):
        choices = {
            WRITTEN: "amounts without a minus were paid to the card, or given back",
            OPPOSITE: "amounts without a minus are purchases",
        }
        evidence = "Most amounts of the card have no minus, as if more was paid to it than by it."
        decided.ask("sign", choices, evidence, [one.record.line for one in own], own[0].account)
    elif len(amounts) >= _FEW and into == len(amounts):
        decided.warnings.append(
            "No amount has a minus: all were taken as money in. Set `sign` to `opposite` if they "
            "are expenses."
        )


def _opening(
    block: Block, own: Sequence[_Booking], told: Options, decided: _Decided
) -> _Booking | None:
    """Return the first record where it is the balance before the others, and no booking.

    Programs write it as a transfer from the account to itself.
    """
    first = own[0]
    transfer = _TRANSFER.fullmatch(first.record.fields.get("L", ""))
    to_itself = (
        bool(block.name) and transfer is not None and _folded(transfer[1]) == _folded(block.name)
    )
    by_name = _folded(first.record.fields.get("P", "")) in _OPENINGS
    if first.problems or told.opening == BOOKING or not (to_itself or by_name):
        return None
    if not (to_itself or (transfer is not None and not block.name) or told.opening == BALANCE):
        choices = {
            BALANCE: "it is what the account held before: leave it out",
            BOOKING: "it is a booking like the others",
        }
        evidence = "A first record is called opening balance, but names another account or none."
        decided.ask("opening", choices, evidence, [first.record.line], first.account)
        return None
    decided.warnings.append(
        f"The record in line {first.record.line} is the opening balance, and was not booked."
    )
    return first


def _own_name(first: _Booking) -> str:
    found = _TRANSFER.fullmatch(first.record.fields.get("L", ""))
    return found[1][:_LONGEST] if found else ""


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _tell(found: Records, bookings: Sequence[_Booking], decided: _Decided) -> None:
    warnings = decided.warnings
    if found.trades:
        warnings.append(
            f"{found.trades} booking(s) of securities were left out, so that the cash that they "
            "moved is missing."
        )
    if found.strange:
        warnings.append(
            f"{found.strange} part(s) of the file are of a type that is not known; what they hold "
            "was taken for bookings."
        )
    if found.is_cut:
        warnings.append("The last record is not ended: the file may have been cut off.")
    apart = sum(_differs(one, decided.mark) for one in bookings)
    if apart:
        warnings.append(
            f"The parts of {apart} booking(s) do not add up to the amount; the amount was taken."
        )


def _differs(booking: _Booking, mark: str) -> bool:
    parts = [read_amount(one.amount, mark) for one in booking.record.splits if one.amount]
    values = [one for one in parts if isinstance(one, Decimal)]
    if not parts or booking.amount is None:
        return False
    return len(values) < len(parts) or abs(sum(values, Decimal())) != abs(booking.amount)


def _row(booking: _Booking, *, several: bool) -> StatementRow:
    record = booking.record
    account = booking.account if several else ""
    if booking.problems:
        return StatementRow(record.line, problems=tuple(booking.problems), account=account)
    fields = record.fields
    payee, is_void = fields.get("P", ""), False
    if found := _VOID.match(payee):
        payee, is_void = payee[found.end() :], True
    description = fields.get("M", "")
    if not payee:
        payee, description = description, ""
    return StatementRow(
        line=record.line,
        date=booking.day,
        amount=booking.amount,
        payee=payee[:_LONGEST],
        description=description[:_LONGEST],
        category=_category(record)[:_LONGEST],
        notes="; ".join(_notes(record))[:_LONGEST],
        account=account,
        status="reverted" if is_void else "booked",
    )


def _category(record: Record) -> str:
    """Return the one category of a booking, without its class."""
    named = {one.category for one in record.splits if one.category}
    if len(named) > 1:
        return ""
    category = named.pop() if named else record.fields.get("L", "")
    if _TRANSFER.fullmatch(category) or category.startswith("--"):
        return ""
    return category.partition("/")[0].strip()


def _notes(record: Record) -> list[str]:
    notes = [f"Number {record.fields['N']}"] if "N" in record.fields else []
    if transfer := _TRANSFER.fullmatch(record.fields.get("L", "")):
        notes.append(f"Transfer {transfer[1]}")
    if len(record.splits) > 1:
        for one in record.splits:
            words = (one.category, one.memo, one.amount)
            notes.append(" ".join(word for word in words if word))
    elif record.splits and record.splits[0].memo:
        notes.append(record.splits[0].memo)
    return [one for one in [*notes, *record.address] if one]
