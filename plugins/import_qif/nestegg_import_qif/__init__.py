"""Files in QIF, the Quicken Interchange Format, as banks and finance programs write them."""

from collections.abc import Mapping, Sequence

from pydantic_settings import BaseSettings

from nestegg_core import (
    PluginContext,
    Statement,
    StatementFile,
    StatementImporterRegistration,
    hookimpl,
)
from nestegg_import_qif.books import settle
from nestegg_import_qif.options import OPTIONS, parse_options
from nestegg_import_qif.records import read_records
from nestegg_import_qif.text import decode, looks_like_qif

__all__ = ["OPTIONS", "Qif", "QifSettings"]


class QifSettings(BaseSettings):
    """Nothing to set: an upload says what its file needs."""


class Qif:
    """Fulfils `nestegg_core.StatementImporter`."""

    def recognises(self, file: StatementFile) -> bool:
        """Look for a line such as `!Type:Bank` at the beginning."""
        return looks_like_qif(file.content)

    def read(self, file: StatementFile, options: Mapping[str, str]) -> Statement:
        """Read every booking of every account.

        Raises:
            StatementError: the file has no bookings in it, or an option is wrong.
        """
        told = parse_options(options)
        text = decode(file.content, told.encoding)
        return settle(read_records(text.text), told, text)


def make(context: PluginContext[QifSettings]) -> Qif:
    """Make the importer."""
    del context
    return Qif()


@hookimpl
def nestegg_statement_importers() -> Sequence[StatementImporterRegistration]:
    """Offer the importer `qif`."""
    return [StatementImporterRegistration("qif", QifSettings, make, options=OPTIONS)]
