"""How people name columns: by the header's word, or by number, counted from 1."""

from nestegg_core.importers.columns import Columns
from nestegg_core.importers.csv_options import COLUMN_ROLES, Options, bad_option
from nestegg_core.importers.table import MOST_COLUMNS, Table
from nestegg_core.importers.vocabulary import key

_JOIN = "|"
_LONGEST = 100


def told_columns(table: Table, options: Options) -> tuple[Columns, frozenset[str]]:
    """Look up the columns that the caller named.

    Returns:
        The columns, and the roles that the caller said have none.

    Raises:
        StatementError: `bad_option` when the file has no such column.
    """
    told, refused = Columns(), set()
    for role, value in options.columns.items():
        if not value.strip():
            if role == "date":
                raise bad_option("date_column", "A statement cannot do without a date column.")
            refused.add(role)
        elif role == "description":
            told.description = _find_several(table, value)
        else:
            told.single[role] = _find(table, value, role)
    return told, frozenset(refused)


def label(table: Table, index: int | None) -> str | None:
    """Name a column so that the same option finds it again; None for no column."""
    if index is None:
        return None
    name = table.header[index] if index < len(table.header) else ""
    usable = _JOIN not in name and name.isprintable() and len(name) <= _LONGEST
    return name if name and usable and _lookup(table, name) == index else str(index + 1)


def labels(table: Table, columns: Columns) -> dict[str, str | None]:
    """Name the column of every role, as the options would."""
    named = {f"{role}_column": label(table, columns.get(role)) for role in COLUMN_ROLES}
    several = [label(table, index) or "" for index in columns.description]
    return named | {"description_column": _JOIN.join(several) or None}


def _find_several(table: Table, value: str) -> tuple[int, ...]:
    whole = _lookup(table, value)
    if whole is not None:
        return (whole,)
    return tuple(_find(table, part, "description") for part in value.split(_JOIN))


def _find(table: Table, value: str, role: str) -> int:
    index = _lookup(table, value)
    if index is None:
        known = f"Its header has {len(table.header)} names" if table.header else "It has no header"
        raise bad_option(
            f"{role}_column",
            f"The file has no such column. {known} and {table.width} columns, counted from 1.",
        )
    return index


def _lookup(table: Table, value: str) -> int | None:
    exact = [i for i, name in enumerate(table.header) if name == value.strip()]
    alike = [i for i, name in enumerate(table.header) if key(value) and key(name) == key(value)]
    if exact or alike:
        return (exact or alike)[0]
    number = value.strip()
    if number.isascii() and number.isdecimal() and len(number) <= len(str(MOST_COLUMNS)):
        index = int(number) - 1
        return index if 0 <= index < table.width else None
    return None
