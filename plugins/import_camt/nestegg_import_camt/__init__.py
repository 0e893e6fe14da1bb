"""Statements of ISO 20022: camt.052, camt.053 and camt.054, in every version, also in a ZIP."""

from collections.abc import Mapping, Sequence
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
from nestegg_import_camt.books import settle
from nestegg_import_camt.files import documents, holds_message
from nestegg_import_camt.messages import read_message

OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "entries": "booked: take entries as the bank says; pending: show them without booking.",
        "reversals": "standard: credit and debit say what happened; flipped: reversals turn them.",
        "balances": "ignored: take the entries although the balances contradict them.",
    }
)
_VALUES = {
    "entries": {"booked", "pending"},
    "reversals": {"standard", "flipped"},
    "balances": {"ignored"},
}


class CamtSettings(BaseSettings):
    """Nothing to set: an upload says what its file needs."""


class Camt:
    """Fulfils `nestegg_core.StatementImporter`."""

    def recognises(self, file: StatementFile) -> bool:
        """Look for one of the three messages in the beginning, or in an archive's files."""
        return holds_message(file.content)

    def read(self, file: StatementFile, options: Mapping[str, str]) -> Statement:
        """Read every entry of every account.

        Raises:
            StatementError: the file is no such message, is damaged or too large, or an option is
                wrong.
        """
        _check(options)
        found = documents(file.content)
        messages = [read_message(content) for content in found.contents]
        warnings = []
        if found.others:
            warnings.append(
                f"{found.others} file(s) of the archive that are no statements were left out."
            )
        if any(message.recoded for message in messages):
            warnings.append(
                "The file says that it is UTF-8 and is not: it was read as cp1252. Look whether "
                "the letters of names are right."
            )
        reports = [report for message in messages for report in message.reports]
        return settle(reports, options, warnings)


def _check(options: Mapping[str, str]) -> None:
    for name, value in options.items():
        if name not in OPTIONS:
            raise StatementError("bad_option", "There is no such option.", option=name)
        if value not in _VALUES[name]:
            choices = " or ".join(sorted(_VALUES[name]))
            raise StatementError("bad_option", f"Write {choices}.", option=name)


def make(context: PluginContext[CamtSettings]) -> Camt:
    """Make the importer."""
    del context
    return Camt()


@hookimpl
def nestegg_statement_importers() -> Sequence[StatementImporterRegistration]:
    """Offer the importer `camt`."""
    return [StatementImporterRegistration("camt", CamtSettings, make, options=OPTIONS)]
