"""The CSV importer: a bank's table in, a statement out.

The way of a file: bytes -> text (`encoding`) -> table (`table`) -> columns (`columns`) -> bookings
(`trim_footer`) -> decimal mark and date order (`amounts`, `dates`) -> rows (`cells`) -> signs,
currency and balance (`assemble`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from nestegg_core.contracts.importers import RowProblem, Statement, StatementFile, StatementRow
from nestegg_core.errors import StatementError
from nestegg_core.importers.csv.amounts import choose_mark, looks_like_amount
from nestegg_core.importers.csv.cells import LONGEST_TEXT, CellReader, Draft
from nestegg_core.importers.csv.columns import Columns, choose_columns, explicit_columns, labels
from nestegg_core.importers.csv.dates import choose_format, looks_like_date
from nestegg_core.importers.csv.encoding import decode
from nestegg_core.importers.csv.options import Options, bad_option, parse_options
from nestegg_core.importers.csv.table import Row, Table, read_table, split_currency
from nestegg_core.importers.csv.vocabulary import says_total

_HEAD = 4096
_OTHER_FORMATS = ("<", "{", "[", "ofxheader", "!type:", "!account", "!option", ":20:", "%!")
_AMOUNTS = ("amount", "debit", "credit")


class CsvImporter:
    """Reads statements as banks export them in CSV."""

    def recognises(self, file: StatementFile) -> bool:
        """Tell from the first bytes whether this is text with a delimiter, and nothing else."""
        head = file.content[:_HEAD]
        if len(file.content) > _HEAD:  # do not judge a character that is cut in two
            end = max(head.rfind(b"\n"), head.rfind(b"\r"))
            end = end if end > 0 else len(head)
            wide = 0 in head  # UTF-16 or UTF-32
            head = head[: end // 4 * 4] if wide else head.rstrip(bytes(range(0x80, 0x100)))
        try:
            text = decode(head).text.strip()
        except StatementError:
            return False
        if text.lower().startswith(_OTHER_FORMATS):
            return False
        return any(delimiter in text for delimiter in ",;\t|")

    def read(self, file: StatementFile, options: Mapping[str, str]) -> Statement:
        explicit = parse_options(options)
        text = decode(file.content, explicit.encoding)
        table = read_table(text.text, explicit)
        columns = choose_columns(table, *explicit_columns(table, explicit))
        rows, skipped = trim_footer(table, columns)
        by_semicolon = table.delimiter == ";"
        mark, mark_doubt = explicit.decimal_mark, ""
        if mark is None:
            mark, mark_doubt = choose_mark(_money(rows, columns), comma_likely=by_semicolon)
        date_format, date_doubt = explicit.date_format, ""
        if date_format is None:
            dates = [row.cell(columns.single["date"]) for row in rows]
            date_format, date_doubt = choose_format(dates, day_first=by_semicolon or mark == ",")
        reader = CellReader(table, columns, date_format, mark)
        assembled = assemble(
            [reader.read(row) for row in rows], columns, explicit, _currency(table, columns)
        )
        if not assembled.sign_column_used:
            columns.single.pop("sign", None)
        return Statement(
            decisions={
                "encoding": text.encoding,
                "delimiter": table.delimiter,
                "header_row": table.header_line,
                "date_format": date_format.text,
                "decimal_mark": mark,
                **labels(table, columns),
                "invert_sign": assembled.inverted,
                "only_account": explicit.only_account,
            },
            rows=assembled.rows,
            warnings=[
                *text.warnings,
                *_skipped(table, skipped),
                *filter(None, (date_doubt, mark_doubt)),
                *assembled.warnings,
            ],
            currency=assembled.currency,
            closing_balance=assembled.closing_balance,
        )


def _money(rows: Sequence[Row], columns: Columns) -> list[str]:
    indices = [columns.single[role] for role in (*_AMOUNTS, "balance") if role in columns.single]
    return [cell for index in indices for row in rows if (cell := row.cell(index))]


def _currency(table: Table, columns: Columns) -> str:
    """Read the currency that the names of the amount columns agree on."""
    indices = [columns.single[role] for role in _AMOUNTS if role in columns.single]
    named = {split_currency(table.header[i])[1] for i in indices if i < len(table.header)}
    return named.pop() if len(named) == 1 else ""


def _skipped(table: Table, below: int) -> list[str]:
    warnings = []
    if table.above and not table.header:
        warnings.append(f"{table.above} line(s) above the first booking were left out.")
    if below:
        warnings.append(f"{below} line(s) that are totals or remarks, not bookings, were left out.")
    return warnings


class Booking(NamedTuple):
    """What a row says about the account's balance: `balance` is the one after it."""

    date: date
    amount: Decimal
    balance: Decimal


def closing_balance(bookings: Sequence[Booking]) -> Decimal | None:
    """Find the balance after the newest booking of one account, in whatever order the rows stand.

    On a newest day with several bookings the balances themselves tell their order: each one's
    balance less its amount is the balance before it, so all but the last are followed up. `None`
    where balances contradict one another, or a day ends where it began in a file that shows no
    order.
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


def trim_footer(table: Table, columns: Columns) -> tuple[list[Row], int]:
    """Drop the undated lines before the first and after the last booking, and count them.

    Only what calls itself a total, or has no amount, goes: any other line without a date is a
    booking that somebody should look at.
    """
    date = columns.get("date")
    order = range(len(table.rows))
    first = next((i for i in order if looks_like_date(table.rows[i].cell(date))), None)
    if first is None:
        return table.rows, 0
    last = next(i for i in reversed(order) if looks_like_date(table.rows[i].cell(date)))
    kept = [
        row
        for i, row in enumerate(table.rows)
        if first <= i <= last or not _is_footer(row, columns)
    ]
    return kept, len(table.rows) - len(kept)


def _is_footer(row: Row, columns: Columns) -> bool:
    if says_total(row.cells):
        return True
    return not any(looks_like_amount(row.cell(columns.get(role))) for role in _AMOUNTS)


@dataclass(frozen=True, slots=True)
class Assembled:
    rows: Sequence[StatementRow]
    warnings: Sequence[str]
    currency: str | None
    closing_balance: Decimal | None
    inverted: bool
    sign_column_used: bool


def assemble(
    drafts: Sequence[Draft], columns: Columns, options: Options, currency: str
) -> Assembled:
    """Decide what one row cannot tell. `currency` is what the header says, or empty."""
    warnings: list[str] = []
    signed_apart = _apply_sign_column(drafts, columns, warnings)
    inverted = _invert(drafts, columns, options, warnings)
    drafts = _one_account(drafts, columns, options, warnings)
    majority = _one_currency(drafts) or currency
    cut = sum(draft.cut for draft in drafts)
    if cut:
        warnings.append(
            f"{cut} row(s) have a text of more than {LONGEST_TEXT} characters, which was cut."
        )
    accounts = {draft.account for draft in drafts if draft.account}
    balance = None if len(accounts) > 1 else closing_balance(_bookings(drafts))
    rows = [_row(draft) for draft in drafts]
    return Assembled(rows, warnings, majority or None, balance, inverted, signed_apart)


def _apply_sign_column(drafts: Sequence[Draft], columns: Columns, warnings: list[str]) -> bool:
    if columns.get("sign") is None or columns.get("amount") is None:
        return False
    out = [d.value for d in drafts if d.value and d.direction < 0]
    negative = sum(value < 0 for value in out)
    if negative > len(out) - negative:
        return False  # the amounts are signed already, and the column only says it again
    if any(draft.value and draft.value < 0 for draft in drafts):
        warnings.append(
            "Some amounts are negative beside a column that says debit or credit; they were taken"
            " as reversals. Look at them, and set `sign_column` to nothing if that is wrong."
        )
    for draft in drafts:
        if draft.value is not None and draft.direction:
            draft.value *= draft.direction
        elif draft.value is not None:
            detail = "does not say whether money came in or went out"
            draft.problems.append(RowProblem("bad_sign", detail, "amount"))
    return True


def _invert(
    drafts: Sequence[Draft], columns: Columns, options: Options, warnings: list[str]
) -> bool:
    values = [draft.value for draft in drafts if draft.value]
    signed = columns.single.keys() & {"debit", "credit", "sign"} or any(v < 0 for v in values)
    invert = options.invert_sign
    if invert is None and values and not signed:
        invert = {"merchant", "card"} <= columns.single.keys()
        warnings.append(
            "Every amount is positive in a list of card payments: they were taken as money out."
            " Set `invert_sign` to false if that is wrong."
            if invert
            else "Every amount is positive and nothing else tells money in from money out: all"
            " were taken as money in. Set `invert_sign` to true if they are expenses."
        )
    if invert:
        for draft in drafts:
            draft.value = -draft.value if draft.value else draft.value
    return bool(invert)


def _one_account(
    drafts: Sequence[Draft], columns: Columns, options: Options, warnings: list[str]
) -> Sequence[Draft]:
    if options.only_account is not None:
        if columns.get("account") is None:
            detail = "The file has no account column. Name it in `account_column`."
            raise bad_option("only_account", detail)
        wanted = " ".join(options.only_account.split())
        drafts = [draft for draft in drafts if draft.account == wanted]
        if not drafts:
            raise bad_option("only_account", "No row of the file has this account.")
    accounts = {draft.account for draft in drafts if draft.account}
    if len(accounts) > 1:
        warnings.append(
            f"The file holds bookings of {len(accounts)} accounts, and all were taken."
            " Set `only_account` to take those of one."
        )
    return drafts


def _one_currency(drafts: Sequence[Draft]) -> str:
    named = Counter(draft.currency for draft in drafts if draft.currency)
    if not named:
        return ""
    majority = named.most_common(1)[0][0]
    for draft in drafts:
        if draft.currency and draft.currency != majority:
            detail = f"is not in {majority} as most of the file is"
            draft.problems.append(RowProblem("other_currency", detail, "currency"))
    return majority


def _bookings(drafts: Sequence[Draft]) -> list[Booking]:
    return [
        Booking(draft.day, draft.value, draft.balance)
        for draft in drafts
        if not draft.problems
        and draft.day is not None
        and draft.value is not None
        and draft.balance is not None
    ]


def _row(draft: Draft) -> StatementRow:
    good = not draft.problems
    texts = draft.texts
    return StatementRow(
        line=draft.line,
        date=draft.day if good else None,
        amount=draft.value if good else None,
        payee=texts.get("payee", ""),
        description=texts.get("description", ""),
        category=texts.get("category", ""),
        notes=texts.get("notes", ""),
        external_id=texts.get("external_id", ""),
        problems=tuple(draft.problems),
    )
