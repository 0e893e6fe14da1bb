"""The CSV importer that ships with the core, pure: bytes in, rows out.

It is the documented base of importers whose format comes down to a table: they write the table as
CSV, and what is decided about columns, signs and dates stays in one place. `nestegg-import-excel`
is the example to follow.
"""

from nestegg_core.importers.csv.importer import CsvImporter
from nestegg_core.importers.csv.options import CSV_OPTIONS

__all__ = ["CSV_OPTIONS", "CsvImporter"]
