"""A workbook to CSV, in a process of its own: what a hostile workbook takes, it takes from here.

Two cells in far corners make a reader hold all cells between them, and a reader in native code
takes its process with it. So this file imports nothing of Nest Egg, and is started by its path.
"""

import csv
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

MEMORY_BYTES = 512 * 2**20  # of addresses; of which Python itself takes some, and uses few
CPU_SECONDS = 60
MOST_BYTES = 48 * 2**20  # of all sheets as CSV
MOST_ROWS = 100_200
MOST_COLUMNS = 200
NO_WORKBOOK, TOO_LARGE = 2, 3  # how the process ends
_EXACT = 10**15  # a larger number has lost digits in the file
_DECIMALS = 4
_NOISE = Decimal("0.000001")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_WITH_COMMA = re.compile(r"[^0-9]*[0-9][0-9. ']*,[0-9]{1,2}[^0-9]*", re.ASCII)
_WITH_POINT = re.compile(r"[^0-9]*[0-9][0-9,. ']*[.,][0-9]{1,3}[^0-9]*", re.ASCII)

Cell = str | float | bool | date | datetime | time | object


def csv_of(rows: Iterable[Sequence[Cell]], mark: str = ".") -> str:
    """Write rows so that each is one line of CSV, with days as ISO has them.

    Args:
        rows: of any values; a row without any is a blank line.
        mark: what stands before the decimals of numbers.
    """
    whole = io.StringIO()
    writer = csv.writer(whole, lineterminator="\n")
    for row in rows:
        cells = [text_of(cell, mark) for cell in row[:MOST_COLUMNS]]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            writer.writerow(cells)
        else:
            whole.write("\n")
    return whole.getvalue()


def text_of(cell: Cell, mark: str = ".") -> str:
    """Write a cell's value.

    Example:
        >>> text_of(-12.3), text_of(date(2026, 1, 31)), text_of(0.1 + 0.2, ",")
        ('-12.30', '2026-01-31', '0,30')
    """
    if isinstance(cell, str):
        return _CONTROL.sub(" ", cell).strip()
    if isinstance(cell, bool) or cell is None:
        return "" if cell is None else str(cell)
    if isinstance(cell, int | float):
        return _number(cell).replace(".", mark)
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "seconds") if cell.time() != time() else str(cell.date())
    return str(cell)


def _number(value: float) -> str:
    """Write a number without the noise of binary fractions; never with three decimals alone."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < _EXACT):
        return str(int(value))
    exact = Decimal(repr(value))
    if not exact.is_finite():
        return ""
    if abs(exact) >= _EXACT:
        return f"{exact:.0f}"
    rounded = round(exact, _DECIMALS)
    if abs(exact - rounded) > _NOISE:
        return f"{exact:f}"
    # Three digits behind a mark may be thousands, so there are two or four.
    return f"{rounded:.2f}" if rounded == round(rounded, 2) else f"{rounded:.4f}"


def mark_of(rows: Iterable[Sequence[Cell]]) -> tuple[str, bool]:
    """Return the decimal mark to write numbers with, and whether it is certain.

    Where amounts stand as texts as well, numbers get their mark, and the whole is judged as CSV is.
    """
    texts = [cell for row in rows for cell in row if isinstance(cell, str)]
    if any(map(_WITH_COMMA.fullmatch, texts)):
        return ",", False
    return ".", not any(map(_WITH_POINT.fullmatch, texts))


def main() -> None:
    """Read a workbook from the standard input, and write a line of JSON for each sheet."""
    # The server imports this file as well, and needs no reader of workbooks in its memory.
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415

    _be_small()
    written = 0
    try:
        for sheet in _sheets(CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))):
            line = json.dumps(sheet) + "\n"
            written += len(line)
            if written > MOST_BYTES:
                sys.exit(TOO_LARGE)
            sys.stdout.write(line)
    except CalamineError:
        sys.exit(NO_WORKBOOK)


def _sheets(workbook: "CalamineWorkbook") -> Iterator[dict[str, object]]:
    from python_calamine import SheetTypeEnum, SheetVisibleEnum  # noqa: PLC0415 - see `main`

    for index, about in enumerate(workbook.sheets_metadata):
        if about.typ != SheetTypeEnum.WorkSheet:
            continue
        sheet: dict[str, object] = {"number": index + 1, "name": about.name, "text": ""}
        sheet["is_visible"] = about.visible == SheetVisibleEnum.Visible
        if sheet["is_visible"]:
            # All rows from the first line on, counted from one.
            rows = workbook.get_sheet_by_index(index).to_python(
                skip_empty_area=False, nrows=MOST_ROWS
            )
            mark, sheet["is_certain"] = mark_of(rows)
            sheet["text"] = csv_of(rows, mark)
        yield sheet


def _be_small() -> None:
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return
    limits = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_CORE: 0,
    }
    for limit, most in limits.items():
        with suppress(ValueError, OSError):  # some systems know a limit and do not set it
            resource.setrlimit(limit, (most, most))


if __name__ == "__main__":
    main()
