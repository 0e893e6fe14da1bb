"""The options of the CSV importer: every decision about a file can be overridden by one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

from nestegg_core.errors import StatementError
from nestegg_core.importers.csv.dates import DateFormat, parse_format

_T = TypeVar("_T")

# Which columns an option can name, and what the column holds.
COLUMN_ROLES = MappingProxyType(
    {
        "date": "the booking date",
        "amount": "the signed amount",
        "debit": "money out, where it has a column of its own",
        "credit": "money in, where it has a column of its own",
        "sign": "debit or credit, where the amount has no sign",
        "payee": "the other side",
        "description": "what it was for; several columns are joined by `|`",
        "category": "the file's own category",
        "notes": "remarks",
        "external_id": "the bank's id of the booking",
        "balance": "the balance after the booking",
        "currency": "the currency code",
        "account": "the account, where a file holds several",
    }
)
_HOW = "Column of {}: its name in the header, its number from 1, or empty for none."

CSV_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "encoding": "Encoding of the file, e.g. utf-8, utf-16, cp1252, cp1250, iso8859-2.",
        "delimiter": "What stands between cells: `,`, `;`, `|` or `tab`.",
        "header_row": "Line number of the header, counted from 1; 0 when there is none.",
        "date_format": "Order of the date's parts, as in %d.%m.%Y, %m/%d/%y or %Y-%m-%d.",
        "decimal_mark": "What stands before the decimals: `.` or `,`.",
        **{f"{role}_column": _HOW.format(what) for role, what in COLUMN_ROLES.items()},
        "invert_sign": "true: take every amount with the opposite sign; false: as written.",
        "only_account": "Take only the rows whose account column holds just this.",
    }
)
_DELIMITERS = {",": ",", ";": ";", "|": "|", "\t": "\t", "tab": "\t", "\\t": "\t"}
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_LONGEST_NUMBER = 9


@dataclass(frozen=True, slots=True)
class Options:
    """The caller's overrides, checked; None leaves a decision to the importer."""

    encoding: str | None = None
    delimiter: str | None = None
    header_row: int | None = None
    date_format: DateFormat | None = None
    decimal_mark: str | None = None
    invert_sign: bool | None = None
    only_account: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


def parse_options(options: Mapping[str, str]) -> Options:
    for name in options:
        if name not in CSV_OPTIONS:
            raise bad_option(name, f"There is no such option. Known are {', '.join(CSV_OPTIONS)}.")
    date_format = options.get("date_format")
    return Options(
        encoding=options.get("encoding"),
        delimiter=_one_of(options, "delimiter", _DELIMITERS),
        header_row=_line_number(options.get("header_row")),
        date_format=parse_format(date_format) if date_format is not None else None,
        decimal_mark=_one_of(options, "decimal_mark", {".": ".", ",": ","}),
        invert_sign=_one_of(options, "invert_sign", _TRUTH, fold=True),
        only_account=options.get("only_account"),
        columns={
            role: options[f"{role}_column"] for role in COLUMN_ROLES if f"{role}_column" in options
        },
    )


def bad_option(name: str, detail: str) -> StatementError:
    return StatementError("bad_option", detail, option=name)


def _one_of(
    options: Mapping[str, str], name: str, allowed: Mapping[str, _T], *, fold: bool = False
) -> _T | None:
    value = options.get(name)
    if value is None:
        return None
    value = value.lower() if fold else value
    if value not in allowed:
        raise bad_option(name, f"`{name}` is wrong. {CSV_OPTIONS[name]}")
    return allowed[value]


def _line_number(value: str | None) -> int | None:
    if value is None:
        return None
    if value.isascii() and value.isdecimal() and len(value) <= _LONGEST_NUMBER:
        return int(value)
    raise bad_option("header_row", f"`header_row` is wrong. {CSV_OPTIONS['header_row']}")
