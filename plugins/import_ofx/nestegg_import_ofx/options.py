"""The options of the importer: what a file leaves open can be told."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nestegg_core import StatementError
from nestegg_import_ofx.text import codec_of

OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "encoding": "Encoding of the file, e.g. utf-8, utf-16, cp1252, cp1250, iso8859-2.",
        "decimal_mark": "What stands before the decimals: `.` or `,`.",
        "sign": "`written`: amounts as they are; `type`: money out or in by each booking's type; "
        "`opposite`: every amount with the opposite sign.",
        "corrections": "Bookings that correct earlier ones: `book` or `skip` them.",
        "balances": "Rows that are called a balance: `book` or `skip` them.",
    }
)
_VALUES = {
    "decimal_mark": (".", ","),
    "sign": ("written", "type", "opposite"),
    "corrections": ("book", "skip"),
    "balances": ("book", "skip"),
}


@dataclass(frozen=True, slots=True)
class Options:
    """The caller's overrides, checked; None leaves a decision to the importer."""

    encoding: str | None = None
    decimal_mark: str | None = None
    sign: str | None = None
    corrections: str | None = None
    balances: str | None = None


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
        is_known = value in _VALUES[name] if name in _VALUES else codec_of(value) is not None
        if not is_known:
            detail = f"`{name}` is wrong. {OPTIONS[name]}"
            raise StatementError("bad_option", detail, option=name)
    return Options(**options)
