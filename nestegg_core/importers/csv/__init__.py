"""Statement importers: the CSV importer that ships with the core. Pure: bytes in, rows out."""
