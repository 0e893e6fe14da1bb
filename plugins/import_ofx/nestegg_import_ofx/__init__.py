"""Statements in OFX 1 and 2, and its kin QFX (Quicken) and QBO (QuickBooks)."""

from collections.abc import Mapping, Sequence

from pydantic_settings import BaseSettings

from nestegg_core import (
    PluginContext,
    Statement,
    StatementFile,
    StatementImporterRegistration,
    hookimpl,
)
from nestegg_import_ofx.books import settle
from nestegg_import_ofx.entries import read_blocks
from nestegg_import_ofx.options import OPTIONS, parse_options
from nestegg_import_ofx.tags import tags_of
from nestegg_import_ofx.text import decode, looks_like_ofx

__all__ = ["OPTIONS", "Ofx", "OfxSettings"]


class OfxSettings(BaseSettings):
    """Nothing to set: an upload says what its file needs."""


class Ofx:
    """Fulfils `nestegg_core.StatementImporter`."""

    def recognises(self, file: StatementFile) -> bool:
        """Look for a header or a tag of OFX in the beginning."""
        return looks_like_ofx(file.content)

    def read(self, file: StatementFile, options: Mapping[str, str]) -> Statement:
        """Read every booking of every account.

        Raises:
            StatementError: the file has no statement in it, or an option is wrong.
        """
        told = parse_options(options)
        text = decode(file.content, told.encoding)
        found = read_blocks(tags_of(text.text))
        return settle(found, told, text)


def make(context: PluginContext[OfxSettings]) -> Ofx:
    """Make the importer."""
    del context
    return Ofx()


@hookimpl
def nestegg_statement_importers() -> Sequence[StatementImporterRegistration]:
    """Offer the importer `ofx`."""
    return [StatementImporterRegistration("ofx", OfxSettings, make, options=OPTIONS)]
