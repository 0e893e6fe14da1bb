"""The options of the importer: what a file leaves open can be told."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nestegg_core import StatementError
from nestegg_import_qif.dates import order_of
from nestegg_import_qif.text import codec_of

OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "encoding": "Encoding of the file, e.g. utf-8, utf-16, cp1252, cp1250, iso8859-2.",
        "date_format": "Order of the date's parts, as in %d.%m.%Y, %m/%d/%y or %Y-%m-%d.",
        "decimal_mark": "What stands before the decimals: `.` or `,`.",
        "sign": "`written`: amounts as they are; `opposite`: every amount with the opposite sign.",
        "opening": "First records called opening balance: `balance`: leave them out; `booking`.",
    }
)
_VALUES = {
    "decimal_mark": (".", ","),
    "sign": ("written", "opposite"),
    "opening": ("balance", "booking"),
}


@dataclass(frozen=True, slots=True)
class Options:
    """The caller's overrides, checked; None leaves a decision to the importer.

    Attributes:
        order: `dmy`, `mdy` or `ymd`.
    """

    encoding: str | None = None
    order: str | None = None
    decimal_mark: str | None = None
    sign: str | None = None
    opening: str | None = None


def parse_options(options: Mapping[str, str]) -> Options:
    """Check the caller's options.

    Raises:
        StatementError: `bad_option`, with the option's name.
    """
    for name, value in options.items():
        if name not in OPTIONS:
            known = ", ".join(OPTIONS)
            detail = f"There is no such option. Known are {known}."
            raise StatementError("bad_option", detail, option=name)
        if not _is_known(name, value):
            detail = f"`{name}` is wrong. {OPTIONS[name]}"
            raise StatementError("bad_option", detail, option=name)
    date_format = options.get("date_format")
    others = {name: value for name, value in options.items() if name != "date_format"}
    return Options(order=None if date_format is None else order_of(date_format), **others)


def _is_known(name: str, value: str) -> bool:
    if name == "encoding":
        return codec_of(value) is not None
    if name == "date_format":
        return order_of(value) is not None
    return value in _VALUES[name]
