"""The CSV importer: a bank's table in, a statement out.

The way of a file: bytes -> text (`text`) -> table (`table`) -> columns (`columns`) -> bookings
(`edges`) -> decimal mark and date order (`amounts`, `dates`) -> rows (`cells`) -> signs,
currency and balance (`book`).
"""

from collections.abc import Mapping, Sequence

from nestegg_core.contracts.importers import Statement, StatementFile
from nestegg_core.errors import StatementError
from nestegg_core.importers.csv.amounts import choose_mark
from nestegg_core.importers.csv.assemble import bookings, settle
from nestegg_core.importers.csv.cells import CellReader
from nestegg_core.importers.csv.columns import Columns, choose_columns, labels, told_columns
from nestegg_core.importers.csv.dates import choose_format
from nestegg_core.importers.csv.encoding import decode
from nestegg_core.importers.csv.options import parse_options
from nestegg_core.importers.csv.table import Row, Table, read_table, split_currency

_HEAD = 4096
_OTHER_FORMATS = ("<", "{", "[", "ofxheader", "!type:", "!account", "!option", ":20:", "%!")
_MONEY = ("amount", "debit", "credit", "balance")


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
        told = parse_options(options)
        text = decode(file.content, told.encoding)
        table = read_table(text.text, told)
        columns = choose_columns(table, *told_columns(table, told))
        rows, left_out = bookings(table, columns)
        by_semicolon = table.delimiter == ";"
        mark, mark_doubt = told.decimal_mark, ""
        if mark is None:
            mark, mark_doubt = choose_mark(_money(rows, columns), comma_likely=by_semicolon)
        date_format, date_doubt = told.date_format, ""
        if date_format is None:
            dates = _cells(rows, columns.single["date"])
            date_format, date_doubt = choose_format(dates, day_first=by_semicolon or mark == ",")
        reader = CellReader(table, columns, date_format, mark)
        book = settle([reader.read(row) for row in rows], columns, told, _currency(table, columns))
        if not book.sign_column_used:
            columns.single.pop("sign", None)
        return Statement(
            decisions={
                "encoding": text.encoding,
                "delimiter": table.delimiter,
                "header_row": table.header_line,
                "date_format": date_format.text,
                "decimal_mark": mark,
                **labels(table, columns),
                "invert_sign": book.inverted,
                "only_account": told.only_account,
            },
            rows=book.rows,
            warnings=[
                *text.warnings,
                *_left_out(table, left_out),
                *filter(None, (date_doubt, mark_doubt)),
                *book.warnings,
            ],
            currency=book.currency,
            closing_balance=book.closing_balance,
        )


def _cells(rows: Sequence[Row], index: int) -> list[str]:
    return [row.cells[index].strip() if index < len(row.cells) else "" for row in rows]


def _money(rows: Sequence[Row], columns: Columns) -> list[str]:
    indices = [columns.single[role] for role in _MONEY if role in columns.single]
    return [cell for index in indices for cell in _cells(rows, index) if cell]


def _currency(table: Table, columns: Columns) -> str:
    """Read the currency that the names of the amount columns agree on."""
    indices = [columns.single[role] for role in _MONEY[:3] if role in columns.single]
    named = {split_currency(table.header[i])[1] for i in indices if i < len(table.header)}
    return named.pop() if len(named) == 1 else ""


def _left_out(table: Table, below: int) -> list[str]:
    warnings = []
    if table.above and not table.header:
        warnings.append(f"{table.above} line(s) above the first booking were left out.")
    if below:
        warnings.append(f"{below} line(s) that are totals or remarks, not bookings, were left out.")
    return warnings
