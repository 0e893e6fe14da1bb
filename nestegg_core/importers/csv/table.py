"""What a column's name says: the roles it fits, and sometimes the currency of its amounts."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from nestegg_core.errors import StatementError
from nestegg_core.importers.csv.amounts import currency_of, looks_like_amount
from nestegg_core.importers.csv.dates import looks_like_date
from nestegg_core.importers.csv.options import Options, bad_option
from nestegg_core.importers.csv.vocabulary import HEADERS, key

_SIGN_HEADERS = frozenset({"+/-", "-/+", "+ / -", "- / +", "±"})
_LONGEST = 80
_RANKS: dict[str, dict[str, int]] = {}
for _role, _names in HEADERS.items():
    for _rank, _name in enumerate(_names):
        _RANKS.setdefault(_name, {}).setdefault(_role, _rank)


def split_currency(name: str) -> tuple[str, str]:
    """Take a currency off a column's name.

    Example:
        >>> split_currency("Amount (EUR)"), split_currency("Betrag in €"), split_currency("Name")
        (('Amount', 'EUR'), ('Betrag', 'EUR'), ('Name', ''))
    """
    whole = name.strip().rstrip(")] ")
    last = re.split(r"[\s(\[/,]", whole[-8:])[-1]
    # A code in capitals only: the last word of `date all` is not Albanian money.
    code = currency_of(last) if last == last.upper() else ""
    rest = whole.removesuffix(last).rstrip(" ([/,-")
    if not code or not rest:
        return name, ""
    return rest.removesuffix(" in").removesuffix(" en").strip(), code


def roles(name: str) -> Mapping[str, int]:
    """Tell which roles a column's name fits, and how well: 0 is best.

    Example:
        >>> roles("Buchungstag")["date"] < roles("Wertstellung")["date"]
        True
    """
    if len(name) > _LONGEST:
        return {}
    if name.strip() in _SIGN_HEADERS:
        return {"sign": 0}
    found = _RANKS.get(key(name))
    return found if found is not None else _RANKS.get(key(split_currency(name)[0]), {})


def names_date_and_amount(cells: Sequence[str]) -> bool:
    found = [roles(cell) for cell in cells if cell.strip()]
    dated = {index for index, fits in enumerate(found) if "date" in fits}
    money = {index for index, fits in enumerate(found) if fits.keys() & _MONEY}
    return bool(dated) and bool(money) and len(dated | money) > 1


_MONEY = frozenset({"amount", "debit", "credit"})


MOST_COLUMNS = 200
MOST_ROWS = 100_000
_MOST_DELIMITERS = 20_000  # in one line; quoted cells may hold some of them
_MOST_LINES = 1_000  # in one row; more means that a quote was never closed
_DELIMITERS = (";", "\t", "|", ",")  # a comma stands in texts and numbers too: it comes last
_SAMPLE_CHARACTERS = 200_000
_SAMPLE_ROWS = 200
# A cell that cannot be produced by reading a file, put at its end: when it does not come back
# as a row of its own, a quote before it was left open.
_END = "\udcff"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file, and the line that it begins in, counted from 1."""

    line: int
    cells: list[str]

    def cell(self, index: int | None) -> str:
        """Return a column's cell, trimmed; rows may be shorter than the table."""
        return self.cells[index].strip() if index is not None and index < len(self.cells) else ""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file below its header, blank ones and repeated headers left out.

    `header_line` is 0 where there is none; `above` counts the filled rows above header or first
    booking.
    """

    delimiter: str
    header_line: int
    header: tuple[str, ...]
    rows: list[Row]
    above: int
    width: int


def read_table(text: str, options: Options) -> Table:
    delimiter = options.delimiter or _choose_delimiter(text)
    rows: list[Row] = []
    for row in _rows(text.replace("\0", " "), delimiter):
        if len(rows) == MOST_ROWS + _SAMPLE_ROWS:
            raise _too_many_rows(row.line)
        rows.append(row)
    if not rows:
        raise StatementError("empty_file", "The file holds no cells.")
    header, first = _find_header(rows, options.header_row)
    names = tuple(cell.strip() for cell in rows[header].cells) if header is not None else ()
    body = [row for row in islice(rows, first, None) if not _repeats(row.cells, names)]
    if len(body) > MOST_ROWS:
        raise _too_many_rows(body[MOST_ROWS].line)
    if not body:
        raise StatementError("no_rows", "The file has a header, but no rows below it.")
    width = len(names) or max(len(row.cells) for row in body)
    line = rows[header].line if header is not None else 0
    above = first - (header is not None)
    return Table(delimiter, line, names, body, above=above, width=width)


def _repeats(cells: list[str], header: tuple[str, ...]) -> bool:
    """Tell a header that stands again among the rows."""
    alike = header and cells[0].strip() == header[0]  # this settles almost every row at once
    return bool(alike) and tuple(cell.strip() for cell in cells[: len(header)]) == header


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    """Read all rows but the blank ones; `_lines` counts how many lines each of them takes."""
    state = _Progress()
    reader = csv.reader(_lines(text, delimiter, state), delimiter=delimiter, skipinitialspace=True)
    closed, last = False, 1
    while True:
        begin = state.row = reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error:  # the reader's own limit, 131,072 characters
            raise StatementError(
                "cell_too_long",
                "A cell is longer than any text in a statement. A quote was probably left open.",
                line=begin + 1,
            ) from None
        closed, last = cells == [_END], begin + 1
        if closed:
            break
        if len(cells) > MOST_COLUMNS:
            raise _too_many_columns(begin + 1)
        if any(cells) and "".join(cells).strip():
            yield Row(begin + 1, cells)
    if not closed:
        raise StatementError(
            "unbalanced_quote", "A quote is opened here and never closed.", line=last
        )


@dataclass(slots=True)
class _Progress:
    row: int = 0  # lines before the row that is being read


def _lines(text: str, delimiter: str, state: _Progress) -> Iterator[str]:
    # `newline=""`: LF, CRLF and bare CR all end a line, and stay as they are inside quotes.
    for number, line in enumerate(io.StringIO(text, newline="")):
        if number - state.row > _MOST_LINES:
            raise StatementError(
                "unbalanced_quote", "A quote is opened here and never closed.", line=state.row + 1
            )
        if line.count(delimiter) > _MOST_DELIMITERS:
            raise _too_many_columns(number + 1)
        yield line
    yield _END


def _too_many_rows(line: int) -> StatementError:
    return StatementError(
        "too_many_rows", f"The file has more than {MOST_ROWS:,} rows. Split it.", line=line
    )


def _too_many_columns(line: int) -> StatementError:
    return StatementError(
        "too_many_columns", f"A row has more than {MOST_COLUMNS} columns.", line=line
    )


def _choose_delimiter(text: str) -> str:
    """Take the delimiter under which most rows look like bookings, then the widest table."""
    sample = text[:_SAMPLE_CHARACTERS]
    best, best_score = "", (0, 0)
    for delimiter in _DELIMITERS:
        if delimiter not in sample:
            continue
        reader = csv.reader(
            io.StringIO(sample, newline=""), delimiter=delimiter, skipinitialspace=True
        )
        widths: Counter[int] = Counter()
        bookings = 0
        try:
            for cells in islice(reader, _SAMPLE_ROWS):
                widths[len(cells)] += len(cells) > 1
                bookings += _looks_like_booking(cells)
        except csv.Error:
            pass  # reading the whole file says in which line
        width = max(((width - 1) * count for width, count in widths.items()), default=0)
        if (bookings, width) > best_score:
            best, best_score = delimiter, (bookings, width)
    if not best:
        raise _no_table()
    return best


def _looks_like_booking(cells: list[str]) -> bool:
    cells = cells[:MOST_COLUMNS]
    dates = [index for index, cell in enumerate(cells) if looks_like_date(cell)]
    return bool(dates) and any(
        looks_like_amount(cell) for index, cell in enumerate(cells) if index not in dates
    )


def _find_header(rows: list[Row], line: int | None) -> tuple[int | None, int]:
    """Give the indices of the header (None: there is none) and of the first row below it."""
    if line:
        found = next((i for i, row in enumerate(rows) if row.line == line), None)
        if found is None:
            raise bad_option("header_row", "No row begins in this line of the file.")
        return found, found + 1
    head = rows[:_SAMPLE_ROWS]
    if line is None:
        for index, row in enumerate(head):
            if names_date_and_amount(row.cells):
                return index, index + 1
    first = next((i for i, row in enumerate(head) if _looks_like_booking(row.cells)), None)
    if first is None:
        raise _no_table()
    above = rows[first - 1].cells if first and line is None else []
    unknown_words = len(above) == len(rows[first].cells) and not any(
        looks_like_date(cell) or looks_like_amount(cell) for cell in above
    )
    return (first - 1 if unknown_words else None), first


def _no_table() -> StatementError:
    return StatementError(
        "no_table",
        "No table of bookings was found: no row has a date in one cell and an amount in another."
        " Is it a CSV export of a bank? If so, set `delimiter` and `header_row`.",
    )
