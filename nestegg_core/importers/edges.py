"""Where the bookings begin and end: lines of totals and footers are left out, and counted."""

from nestegg_core.importers.amounts import looks_like_amount
from nestegg_core.importers.columns import Columns
from nestegg_core.importers.dates import looks_like_date
from nestegg_core.importers.table import Row, Table
from nestegg_core.importers.vocabulary import says_total

_MONEY = ("amount", "debit", "credit")


def bookings(table: Table, columns: Columns) -> tuple[list[Row], int]:
    """Leave out the undated lines before the first and after the last booking.

    Only what calls itself a total, or has no amount, is left out: any other line without a date
    is a booking that somebody should look at.

    Returns:
        The rows that are bookings, good or bad, and how many were left out.
    """
    date = columns.get("date")
    order = range(len(table.rows))
    first = next((i for i in order if looks_like_date(_cell(table.rows[i], date))), None)
    if first is None:
        return table.rows, 0
    last = next(i for i in reversed(order) if looks_like_date(_cell(table.rows[i], date)))
    kept = [
        row
        for i, row in enumerate(table.rows)
        if first <= i <= last or not _is_footer(row, columns)
    ]
    return kept, len(table.rows) - len(kept)


def _is_footer(row: Row, columns: Columns) -> bool:
    if says_total(row.cells):
        return True
    return not any(looks_like_amount(_cell(row, columns.get(role))) for role in _MONEY)


def _cell(row: Row, index: int | None) -> str:
    return row.cells[index] if index is not None and index < len(row.cells) else ""
