"""The importer passes the kit."""

import pytest
from nestegg_import_qif import OPTIONS, Qif

from nestegg_core import StatementFile, StatementImporter
from nestegg_testing import StatementImporterConformance, StatementSample

QUICKEN = b"""\
!Type:Bank
D1/31'26
T-2.50
PBakery
LFood
^
D2/ 1'26
T1,234.56
PEmployer
MPay for January
^
"""
EUROPEAN = """\
!Type:CCard
D28.02'2026
T-1.234,50
PMüller
^
D03.03'2026
T200,00
PZahlung
^
"""
OPEN = b"!Type:Bank\nD03/04/2026\nT-1.400\nPShop\n^\n"
CARD = b"!Type:CCard\nD13/04/2026\nT5.00\nPShop\n^\nD14/04/2026\nT6.00\nPShop\n^\n"
OPENING = b"!Type:Bank\nD13/04/2026\nT500.00\nPOpening Balance\nLSavings\n^\n"


class TestQif(StatementImporterConformance):
    samples = (
        StatementSample(
            StatementFile(QUICKEN, "bank.qif"), [("2026-01-31", "-2.50"), ("2026-02-01", "1234.56")]
        ),
        StatementSample(
            StatementFile(EUROPEAN.encode("cp1252"), "card.qif"),
            [("2026-02-28", "-1234.50"), ("2026-03-03", "200.00")],
        ),
        StatementSample(StatementFile(OPEN, "open.qif"), [("2026-04-03", "-1.40")]),
        StatementSample(
            StatementFile(OPEN, "open.qif"),
            [("2026-03-04", "-1400.00")],
            options={"date_format": "%m/%d/%Y", "decimal_mark": ","},
        ),
        StatementSample(
            StatementFile(CARD, "card.qif"), [("2026-04-13", "5.00"), ("2026-04-14", "6.00")]
        ),
        StatementSample(StatementFile(OPENING, "opening.qif"), [("2026-04-13", "500.00")]),
    )
    options = OPTIONS

    @pytest.fixture
    def subject(self) -> StatementImporter:
        return Qif()
