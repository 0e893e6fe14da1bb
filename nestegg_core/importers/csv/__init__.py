"""The CSV importer that ships with the core, pure: bytes in, rows out.

It is the documented base of importers whose format comes down to a table: they write the table as
CSV, and what is decided about columns, signs and dates stays in one place. `nestegg-import-excel`
is the example to follow.
"""

from typing import TYPE_CHECKING

from nestegg_core.importers.csv.options import CSV_OPTIONS

if TYPE_CHECKING:
    from nestegg_core.importers.csv.importer import CsvImporter

__all__ = ["CSV_OPTIONS", "CsvImporter"]


def __getattr__(name: str) -> object:
    # Workers load the plugins that name it, and read no statement.
    if name == "CsvImporter":
        from nestegg_core.importers.csv.importer import CsvImporter

        return CsvImporter
    raise AttributeError(name)
