"""Statements of SWIFT: MT940, and MT942 for part of a day; several accounts are kept apart."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from pydantic_settings import BaseSettings

from nestegg_core import (
    PluginContext,
    Statement,
    StatementError,
    StatementFile,
    StatementImporterRegistration,
    hookimpl,
)
from nestegg_import_mt940.books import settle
from nestegg_import_mt940.fields import ENCODINGS, decode, fields
from nestegg_import_mt940.messages import read_messages

OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "encoding": f"Encoding of the file: {', '.join(ENCODINGS)}.",
        "entries": "booked: take bookings of an MT942 as booked, too; pending: book none.",
        "reversals": "standard: RC is money out, RD is money in; flipped: the other way round.",
        "balances": "ignored: take the bookings although the balances contradict them.",
    }
)
_VALUES = {
    "encoding": ENCODINGS,
    "entries": ("booked", "pending"),
    "reversals": ("standard", "flipped"),
    "balances": ("ignored",),
}
_HEAD = 2**16
_REFERENCE = re.compile(r"(?:^|[\r\n{}@]|\{4:):20:", re.ASCII)
_MONEY = re.compile(r"(?:[\r\n{}@]):(?:6[0-2][FM]?|34F|90[CD]|13D?):", re.ASCII)


class Mt940Settings(BaseSettings):
    """Nothing to set: an upload says what its file needs."""


class Mt940:
    """Fulfils `nestegg_core.StatementImporter`."""

    def recognises(self, file: StatementFile) -> bool:
        """Look for the tag of a reference, and for one of a balance or booking."""
        head = file.content[:_HEAD]
        is_wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
        text = head.decode("utf-16", "replace") if is_wide else head.decode("latin-1")
        text = text.removeprefix("ï»¿")
        return bool(_REFERENCE.search(text) and _MONEY.search(text))

    def read(self, file: StatementFile, options: Mapping[str, str]) -> Statement:
        """Read every booking of every account.

        Raises:
            StatementError: the file holds no such message, or an option is wrong.
        """
        _check(options)
        text = decode(file.content, options.get("encoding"))
        warnings = []
        if text.is_guessed:
            warnings.append(
                f"The file was read as {text.encoding}, which it does not say. Look whether the "
                "letters of names are right, or set `encoding`."
            )
        statement = settle(read_messages(fields(text.text)), options, warnings)
        return replace(statement, decisions={"encoding": text.encoding, **statement.decisions})


def _check(options: Mapping[str, str]) -> None:
    for name, value in options.items():
        if name not in OPTIONS:
            raise StatementError("bad_option", "There is no such option.", option=name)
        if value not in _VALUES[name]:
            raise StatementError("bad_option", f"Write {' or '.join(_VALUES[name])}.", option=name)


def make(context: PluginContext[Mt940Settings]) -> Mt940:
    """Make the importer."""
    del context
    return Mt940()


@hookimpl
def nestegg_statement_importers() -> Sequence[StatementImporterRegistration]:
    """Offer the importer `mt940`."""
    return [StatementImporterRegistration("mt940", Mt940Settings, make, options=OPTIONS)]
