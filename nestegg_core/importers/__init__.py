"""Statement importers: the CSV importer that ships with the core. Pure: bytes in, rows out."""

from nestegg_core.importers.csv_importer import CsvImporter
from nestegg_core.importers.csv_options import CSV_OPTIONS

__all__ = ["CSV_OPTIONS", "CsvImporter"]
