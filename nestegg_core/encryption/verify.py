"""Opens every stored value, to prove that each one can be."""

from collections.abc import Callable
from dataclasses import dataclass

from nestegg_core.encryption.census import census, total
from nestegg_core.encryption.keys import Failures, Keys, Progress, Report, no_report
from nestegg_core.encryption.sealed_columns import (
    SealedColumn,
    pages,
    row_key,
    scopes,
    sealed_columns,
)
from nestegg_core.errors import DecryptionError, PluginFault

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found.

    Attributes:
        checked: how many values were opened, or tried.
        failures: those that do not open; what is no token is among them.
    """

    checked: int
    failures: Failures


def verify(
    keys: Keys, *, report: Report = no_report, enough: Callable[[], bool] = lambda: False
) -> Verified:
    """Open every value of every organization; nothing is written, and no value is kept.

    Args:
        keys: the database and its keys. A missing key shows as failures.
        report: called after every page.
        enough: asked after every page; once it says so, the rest is left out.
    """
    failures, checked, expected = Failures(), 0, total(census(keys.storage))
    for column in sealed_columns():
        for org_id in scopes(keys.storage, column):
            present = column.column.is_not(None)
            for rows in pages(keys.storage, column, org_id, present, size=_PAGE):
                for row in rows:
                    if reason := _failure(keys, column, row):
                        failures.add(column, org_id, row_key(column, row), reason)
                checked += len(rows)
                report(Progress(str(column), checked, expected))
                if enough():
                    return Verified(checked, failures)
    return Verified(checked, failures)


def _failure(keys: Keys, column: SealedColumn, row: object) -> str:
    try:
        keys.rows.open(column.table, row, (column.column.name,))
    except (DecryptionError, PluginFault) as error:
        return str(error)
    return ""
