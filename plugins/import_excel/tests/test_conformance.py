"""The importer passes the kit."""

from datetime import date

import pytest
from nestegg_import_excel import OPTIONS, Excel

from nestegg_core import StatementFile, StatementImporter
from nestegg_testing import StatementImporterConformance, StatementSample
from support import workbooks

ROWS = (
    ("Date", "Payee", "Amount", "Balance"),
    (date(2026, 1, 31), "Pekárna", -2.5, 97.5),
    (date(2026, 2, 1), "Wages", 1250, 1347.5),
)
READ = [("2026-01-31", "-2.50"), ("2026-02-01", "1250")]


class TestExcel(StatementImporterConformance):
    samples = tuple(
        StatementSample(
            StatementFile(make(ROWS), name), READ, closing_balance="1347.50", options=options
        )
        for make, name, options in (
            (workbooks.xlsx, "statement.xlsx", {}),
            (workbooks.html, "page.xls", {"sheet": "1", "date_column": "Date"}),
        )
    )
    options = OPTIONS

    @pytest.fixture
    def subject(self) -> StatementImporter:
        return Excel()
