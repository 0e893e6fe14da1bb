"""Bookings as they are written to rows: what is decided is decided for the whole file."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from nestegg_core import Question, RowProblem, Statement, StatementAccount, StatementRow
from nestegg_import_ofx.balances import LIKELY, SURELY, is_balance
from nestegg_import_ofx.entries import BANK, CARD, INVESTMENT, Block, Blocks, Entry
from nestegg_import_ofx.options import Options
from nestegg_import_ofx.signs import OPPOSITE, TYPE, WRITTEN, decide, direction, is_doubtful
from nestegg_import_ofx.text import Text
from nestegg_import_ofx.values import is_uneven, read_amount, read_day, votes

_LONGEST = 500
_SHOWN_LINES = 10
_CODE = re.compile(r"[A-Z]{3}", re.ASCII)
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_NO_IDS = frozenset({"", "0", "NONE", "NONREF", "NOTPROVIDED", "NULL"})
_NAMES = {BANK: "Bank account", CARD: "Card", INVESTMENT: "Cash of investments"}

_BROKEN = RowProblem(
    "broken_booking", "The booking's beginning or end is lost: it may hold values of another."
)
_NO_DAY = RowProblem("missing_date", "The booking has no day.", "date")
_BAD_DAY = RowProblem("bad_date", "The day is no date of the calendar.", "date")
_NO_AMOUNT = RowProblem("missing_amount", "The booking has no amount.", "amount")
_NO_DIRECTION = RowProblem(
    "no_direction",
    "Amounts have no sign here, and the booking's type does not say whether money went out or in.",
    "amount",
)
_AMOUNTS = {
    "bad_amount": "The amount is no number as the others of the file are.",
    "too_precise": "The amount has more than four decimals.",
    "out_of_range": "The amount is beyond 100,000,000,000,000.",
}


_SIGNS = {
    WRITTEN: "money comes in where an amount has no minus",
    TYPE: "debits, fees and the like are money out, credits and deposits money in",
    OPPOSITE: "money goes out where an amount has no minus",
}
_UNSURE_SIGN = (
    "The signs of the amounts and the types of the bookings contradict each other, or neither "
    "tells money out from money in."
)
_NO_MINUS = (
    "No amount of an account has a minus, so all were taken as money in; not every booking's type "
    "says so. Set `sign` if that is wrong."
)
_BY_TYPE = (
    "No amount has a minus, so the types of the bookings say what is money out: debits, fees, "
    "checks and the like."
)


@dataclass(slots=True)
class _Account:
    """An account of the file; several statements may be of one."""

    key: str
    kind: str
    number: str
    name: str
    currency: str | None
    blocks: list[Block] = field(default_factory=list)
    bookings: list["_Booking"] = field(default_factory=list)


@dataclass(slots=True)
class _Booking:
    """A booking that is being read."""

    entry: Entry
    account: _Account
    block: Block
    day: date | None = None
    amount: Decimal | None = None
    problems: list[RowProblem] = field(default_factory=list)

    @property
    def trntype(self) -> str:
        return self.entry.fields.get("TRNTYPE", "").upper()


def settle(found: Blocks, told: Options, text: Text) -> Statement:
    """Return the statement that a file's blocks make up."""
    warnings = list(text.warnings)
    questions: list[Question] = []
    accounts = _accounts(found.blocks)
    for account in accounts:
        account.bookings = [
            _Booking(entry, account, block) for block in account.blocks for entry in block.entries
        ]
    bookings = sorted(
        (one for account in accounts for one in account.bookings), key=lambda one: one.entry.line
    )
    bookings = _without_balances(accounts, bookings, told, warnings, questions)
    mark = _decide_mark(bookings, accounts, told, warnings, questions)
    for booking in bookings:
        _read(booking, mark)
    signs = set()
    for account in accounts:
        sign = told.sign or _decide_sign(account, questions, warnings)
        _turn(account, sign)
        signs.add(sign)
    if TYPE in signs and told.sign is None:
        warnings.append(_BY_TYPE)
    _tell_other_days(bookings, warnings)
    bookings, repeated = _once(bookings)
    if repeated:
        warnings.append(
            f"{repeated} booking(s) stand in two statements of one account, and were taken once."
        )
    reverted = _corrected(bookings, told, questions)
    several = len(accounts) > 1
    rows = [
        _row(booking, is_reverted=index in reverted, several=several)
        for index, booking in enumerate(bookings)
    ]
    _tell_left_out(found, warnings)
    newest = _newest(rows)
    shown = [_shown(one, newest.get(one.key if several else ""), mark) for one in accounts]
    named = shown if several or shown[0].number else []
    if not named:  # nobody else's question
        questions = [replace(one, account="") for one in questions]
    return Statement(
        decisions={
            "encoding": text.encoding,
            "decimal_mark": mark,
            "sign": _same(signs),
            "corrections": told.corrections or "",
            "balances": told.balances or "",
        },
        rows=rows,
        warnings=warnings,
        currency=_same(one.currency for one in shown) or None,
        closing_balance=None if several else shown[0].closing_balance,
        accounts=named,
        questions=questions,
    )


def _without_balances(
    accounts: Sequence[_Account],
    bookings: Sequence[_Booking],
    told: Options,
    warnings: list[str],
    questions: list[Question],
) -> list[_Booking]:
    """Leave out what is a balance by its name, or ask."""
    if told.balances == "book":
        return list(bookings)
    judged = {
        id(one): is_balance(one.entry.fields.get("NAME", ""), one.entry.fields.get("MEMO", ""))
        for one in bookings
    }
    doubtful = [one for one in bookings if judged[id(one)] == LIKELY]
    if told.balances is None:
        choices = {"skip": "they are balances: leave them out", "book": "they are bookings"}
        questions += _asked_of_each(
            "balances", choices, "Bookings are called balance and nothing else.", doubtful
        )
    least = LIKELY if told.balances == "skip" else SURELY
    kept = [one for one in bookings if judged[id(one)] < least]
    if len(kept) < len(bookings):
        warnings.append(
            f"{len(bookings) - len(kept)} row(s) are balances by their names, and no bookings; "
            "they were left out. Set `balances` to `book` if that is wrong."
        )
    for account in accounts:
        account.bookings = [one for one in account.bookings if judged[id(one)] < least]
    return kept


def _asked_of_each(
    decision: str, choices: Mapping[str, str], evidence: str, bookings: Iterable[_Booking]
) -> list[Question]:
    """Ask once for each account that some bookings are of."""
    lines: dict[str, list[int]] = {}
    for one in bookings:
        lines.setdefault(one.account.key, []).append(one.entry.line)
    return [
        Question(decision, choices, evidence, found[:_SHOWN_LINES], key)
        for key, found in lines.items()
    ]


def _tell_other_days(bookings: Iterable[_Booking], warnings: list[str]) -> None:
    others = sum(
        one.day is not None and not one.entry.is_pending and "DTPOSTED" not in one.entry.fields
        for one in bookings
    )
    if others:
        warnings.append(
            f"{others} booking(s) have no booking day; the day of the purchase or of the value "
            "was taken."
        )


def _same(values: Iterable[Any]) -> Any:
    """Return what all agree on, or nothing."""
    found = set(values)
    return found.pop() if len(found) == 1 else ""


def _accounts(blocks: Sequence[Block]) -> list[_Account]:
    """Gather statements by account: one number in two currencies is two accounts."""
    found: dict[tuple[str, ...], _Account] = {}
    for block in blocks:
        told = block.account
        number = "".join(told.get("ACCTID", "").split())[:_LONGEST]
        code = block.currency.strip().upper()
        parts = (told.get("BANKID", ""), told.get("BRANCHID", ""), told.get("BROKERID", ""))
        key = (block.kind, number, code, *parts, told.get("ACCTTYPE", "").upper())
        if key not in found:
            kind = told.get("ACCTTYPE", "").capitalize()[:_LONGEST]
            name = kind if block.kind == BANK and kind else _NAMES.get(block.kind, "")
            currency = code if _CODE.fullmatch(code) else None
            found[key] = _Account(str(len(found) + 1), block.kind, number, name, currency)
        found[key].blocks.append(block)
    return list(found.values())


def _decide_mark(
    bookings: Sequence[_Booking],
    accounts: Sequence[_Account],
    told: Options,
    warnings: list[str],
    questions: list[Question],
) -> str:
    if told.decimal_mark is not None:
        return told.decimal_mark
    amounts = [one.entry.fields.get("TRNAMT", "") for one in bookings]
    balances = [block.balance.get("BALAMT", "") for account in accounts for block in account.blocks]
    counts = votes([*amounts, *balances])
    mark = "," if counts[","] > counts["."] else "."
    is_clear = bool(counts["."]) != bool(counts[","])
    if is_clear and not is_uneven([*amounts, *balances], mark):
        return mark
    if not counts["."] and not counts[","] and not counts["?"]:
        return mark
    if not is_clear and counts["."] and not counts["?"]:
        decided_by_each = "Some amounts have a point before their decimals, others a comma"
        warnings.append(f"{decided_by_each}: each was read by its own. Look at them.")
        return ""
    if all(one.currency in _THREE_DECIMALS for one in accounts) and not is_clear:
        points = sum("." in text for text in amounts)
        if points in {0, sum("." in text or "," in text for text in amounts)}:
            return "." if points else ","
    lines = [
        one.entry.line
        for one, text in zip(bookings, amounts, strict=True)
        if votes([text])["?"] or (counts["."] and counts[","])
    ]
    evidence = "Amounts have just three digits behind their mark, so that it may mark thousands."
    if counts["."] and counts[","]:
        evidence = "Some amounts have a point before their decimals, others a comma."
    questions.append(
        Question(
            "decimal_mark",
            {".": "1.400 is less than two", ",": "1.400 is one thousand four hundred"},
            evidence,
            lines[:_SHOWN_LINES],
        )
    )
    return mark


def _read(booking: _Booking, mark: str) -> None:
    fields, problems = booking.entry.fields, booking.problems
    if booking.entry.is_broken:
        problems.append(_BROKEN)
    names = ("DTPOSTED", "DTTRAN", "DTUSER", "DTAVAIL")
    days = [text for name in names if (text := fields.get(name, "")).strip("0")]
    booking.day = read_day(days[0]) if days else None
    if booking.day is None:
        problems.append(_BAD_DAY if days else _NO_DAY)
    text = fields.get("TRNAMT", "")
    amount = read_amount(text, mark) if text else _NO_AMOUNT
    if isinstance(amount, Decimal):
        booking.amount = amount
    elif isinstance(amount, RowProblem):
        problems.append(amount)
    else:
        problems.append(RowProblem(amount, _AMOUNTS[amount], "amount"))


def _decide_sign(account: _Account, questions: list[Question], warnings: list[str]) -> str:
    own = [
        (one.amount, one.trntype)
        for one in account.bookings
        if one.amount is not None and not one.entry.is_broken
    ]
    sign, is_open = decide(account.kind, own)
    if is_open:
        lines = [one.entry.line for one in account.bookings[:_SHOWN_LINES]]
        questions.append(Question("sign", _SIGNS, _UNSURE_SIGN, lines, account.key))
    elif sign == WRITTEN and _NO_MINUS not in warnings and is_doubtful(account.kind, own):
        warnings.append(_NO_MINUS)
    return sign


def _turn(account: _Account, sign: str) -> None:
    """Give an account's amounts the sign that was decided on."""
    if sign == WRITTEN:
        return
    sides: dict[int, list[_Booking]] = {-1: [], 0: [], 1: []}
    for one in account.bookings:
        if one.amount:
            side = 1 if sign == OPPOSITE else direction(account.kind, one.trntype)
            sides[side].append(one)
    for side, own in sides.items():
        # The sign that most have only says the type again; the others are reversals.
        positive = sum(one.amount > 0 for one in own if one.amount)
        usual = -1 if sign == OPPOSITE or 2 * positive < len(own) else 1
        for one in own:
            if not side:
                one.problems.append(_NO_DIRECTION)
            elif one.amount is not None:
                one.amount *= usual * side


def _once(bookings: Sequence[_Booking]) -> tuple[list[_Booking], int]:
    """Leave out what an earlier statement of the same account has: exports that were joined."""
    first: dict[tuple[Any, ...], Block] = {}
    kept = []
    for one in bookings:
        fields = one.entry.fields
        fitid = _id(one)
        key = (one.account.key, fitid, one.day, one.amount, fields.get("NAME"), fields.get("MEMO"))
        if fitid and not one.problems and first.setdefault(key, one.block) is not one.block:
            continue
        kept.append(one)
    return kept, len(bookings) - len(kept)


def _id(booking: _Booking) -> str:
    fitid = booking.entry.fields.get("FITID", "")
    return "" if fitid.upper() in _NO_IDS or not fitid.strip("0") else fitid[:_LONGEST]


def _corrected(bookings: Sequence[_Booking], told: Options, questions: list[Question]) -> set[int]:
    """Return which bookings do not count: those that others correct, and deletions.

    What a correction changes may stand in the file, or have been imported long ago: then it must
    be asked.
    """
    places = {
        (one.account.key, one.entry.fields["FITID"]): index
        for index, one in enumerate(bookings)
        if "FITID" in one.entry.fields and "CORRECTFITID" not in one.entry.fields
    }
    reverted: set[int] = set()
    opened: list[_Booking] = []
    for index, one in enumerate(bookings):
        corrected = one.entry.fields.get("CORRECTFITID", "")
        if corrected in _NO_IDS:
            continue
        is_deletion = one.entry.fields.get("CORRECTACTION", "").upper() == "DELETE"
        place = places.get((one.account.key, corrected))
        if place is not None:
            reverted.add(place)
            if is_deletion:
                reverted.add(index)
        elif told.corrections is None:
            opened.append(one)
        elif told.corrections == "skip":
            reverted.add(index)
    choices = {
        "book": "as bookings of their own, beside what they correct",
        "skip": "they are shown and not booked: correct the earlier bookings yourself",
    }
    evidence = "Bookings correct or delete earlier ones that are not in the file."
    questions += _asked_of_each("corrections", choices, evidence, opened)
    return reverted


def _row(booking: _Booking, *, is_reverted: bool, several: bool) -> StatementRow:
    entry = booking.entry
    account = booking.account.key if several else ""
    if booking.problems:
        return StatementRow(entry.line, problems=tuple(booking.problems), account=account)
    payee, description = _payee(booking)
    is_pending = entry.is_pending or booking.trntype == "HOLD"
    return StatementRow(
        line=entry.line,
        date=booking.day,
        amount=booking.amount,
        payee=payee[:_LONGEST],
        description=description[:_LONGEST],
        notes="; ".join(_notes(entry))[:_LONGEST],
        external_id=_id(booking),
        account=account,
        currency=_currency(booking),
        status="reverted" if is_reverted else "pending" if is_pending else "booked",
    )


def _payee(booking: _Booking) -> tuple[str, str]:
    fields = booking.entry.fields
    name, memo = fields.get("NAME", ""), fields.get("MEMO", "")
    longer = fields.get("EXTDNAME", "")
    if longer and (longer.startswith(name) or not name):
        name = longer
    elif longer:
        memo = f"{memo} {longer}".strip()
    name = name or fields.get("PAYEE", "")
    if not name:
        name, memo = memo, ""
    if not name and "CHECKNUM" in fields:
        name = f"Check {fields['CHECKNUM']}"
    return name, "" if memo == name else memo


def _notes(entry: Entry) -> list[str]:
    fields = entry.fields
    number = fields.get("CHECKNUM", "")
    notes = [f"Check {number}"] if number.strip("0") else []
    if "REFNUM" in fields:
        notes.append(f"Reference {fields['REFNUM']}")
    if "NAME" in fields and fields.get("PAYEE", fields["NAME"]) != fields["NAME"]:
        notes.append(fields["PAYEE"])
    if code := entry.original.get("CURSYM"):
        rate = entry.original.get("CURRATE")
        notes.append(f"Originally in {code}" + (f" at {rate}" if rate else ""))
    return [*notes, *entry.texts]


def _currency(booking: _Booking) -> str | None:
    """Return the code of `CURRENCY`: the amount is in it and not converted."""
    code = booking.entry.currency.get("CURSYM", "").upper()
    return code if _CODE.fullmatch(code) and code != booking.account.currency else None


def _newest(rows: Iterable[StatementRow]) -> dict[str, date]:
    newest: dict[str, date] = {}
    for row in rows:
        if row.date is not None and row.status == "booked":
            newest[row.account] = max(row.date, newest.get(row.account, row.date))
    return newest


def _shown(account: _Account, newest: date | None, mark: str) -> StatementAccount:
    balances = [
        (day, amount)
        for block in account.blocks
        if (day := read_day(block.balance.get("DTASOF", ""))) is not None
        and isinstance(amount := read_amount(block.balance.get("BALAMT", ""), mark), Decimal)
    ]
    closing = max(balances, key=lambda one: one[0], default=None)
    if closing and newest and closing[0] < newest:
        closing = None
    if closing and any(one.trades for one in account.blocks):
        closing = None
    return StatementAccount(
        key=account.key,
        number=account.number,
        currency=account.currency,
        name=account.name,
        closing_balance=closing[1] if closing else None,
    )


def _tell_left_out(found: Blocks, warnings: list[str]) -> None:
    if found.is_cut:
        warnings.append(
            "The file ends before its end, so bookings may be missing. Download it again."
        )
    if trades := sum(block.trades for block in found.blocks):
        warnings.append(
            f"{trades} booking(s) of securities were left out, so that the cash that they moved is "
            "missing."
        )
    if found.failed:
        warnings.append(
            f"The bank answered {found.failed} request(s) with a failure instead of a statement."
        )
