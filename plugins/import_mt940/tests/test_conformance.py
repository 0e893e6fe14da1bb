"""The importer passes the kit."""

import pytest
from nestegg_import_mt940 import OPTIONS, Mt940

from nestegg_core import StatementFile, StatementImporter
from nestegg_testing import StatementImporterConformance, StatementSample

STATEMENT = """\
{1:F01MUSTDEFFAXXX0000000000}{2:I940MUSTDEFFXXXXN}{4:
:20:STARTUMSE
:25:10020030/1234567
:28C:00001/001
:60F:C260130EUR100,00
:61:2601310202DR2,50NMSCNONREF//B7
:86:005?00KARTENZAHLUNG?20SVWZ+Two buns?32Backhaus
:61:260201C1250,NTRFNONREF
:86:Wages of January
:62F:C260202EUR1347,50
-}
"""
OF_A_DAY = """\
:20:42
:25:PL61109010140000071219812874
:34F:PLN0,
:13D:2602021200+0100
:61:2602020202D7,05NMSC
:86:020~00Card~20Kiosk~32Ruch
:90D:1PLN7,05
-
"""


class TestMt940(StatementImporterConformance):
    samples = (
        StatementSample(
            StatementFile(STATEMENT.encode(), "statement.sta"),
            [("2026-02-02", "-2.50"), ("2026-02-01", "1250")],
            currency="EUR",
            closing_balance="1347.50",
        ),
        StatementSample(
            StatementFile(OF_A_DAY.encode("cp1250"), "day.942"),
            [("2026-02-02", "-7.05")],
            currency="PLN",
            options={
                "encoding": "cp1250",
                "entries": "booked",
                "balances": "ignored",
                "reversals": "standard",
            },
        ),
    )
    options = OPTIONS

    @pytest.fixture
    def subject(self) -> StatementImporter:
        return Mt940()
