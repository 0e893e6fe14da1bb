"""The importer passes the kit."""

import pytest
from nestegg_import_ofx import OPTIONS, Ofx

from nestegg_core import StatementFile, StatementImporter
from nestegg_testing import StatementImporterConformance, StatementSample

SGML = """\
OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20260202</SONRS>
</SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>0<STATUS><CODE>0<SEVERITY>INFO</STATUS>
<STMTRS><CURDEF>EUR
<BANKACCTFROM><BANKID>10010<ACCTID>4000123456<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20260101<DTEND>20260131
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260130<TRNAMT>-2.50<FITID>A1<NAME>Bäckerei Krume</STMTTRN>
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260131120000[-5:EST]<TRNAMT>1250.00<FITID>A2<NAME>Werk & Co
<MEMO>Pay for
January</STMTTRN>
</BANKTRANLIST>
<LEDGERBAL><BALAMT>1347.50<DTASOF>20260131</LEDGERBAL>
</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
XML = """\
<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>
<OFX>
  <CREDITCARDMSGSRSV1><CCSTMTTRNRS><CCSTMTRS>
    <CURDEF>USD</CURDEF>
    <CCACCTFROM><ACCTID>XXXXXXXXXXXX8821</ACCTID></CCACCTFROM>
    <BANKTRANLIST>
      <STMTTRN>
        <TRNTYPE>DEBIT</TRNTYPE><DTPOSTED>20260105</DTPOSTED><TRNAMT>-19.00</TRNAMT>
        <FITID>1</FITID><NAME>Quilt &amp; Thread</NAME>
      </STMTTRN>
      <STMTTRN>
        <TRNTYPE>CREDIT</TRNTYPE><DTPOSTED>20260109</DTPOSTED><TRNAMT>50.00</TRNAMT>
        <FITID>2</FITID><NAME>Payment</NAME><MEMO/>
      </STMTTRN>
    </BANKTRANLIST>
    <LEDGERBAL><BALAMT>-140.00</BALAMT><DTASOF>20260110</DTASOF></LEDGERBAL>
  </CCSTMTRS></CCSTMTTRNRS></CREDITCARDMSGSRSV1>
</OFX>
"""
MARKS = "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105<TRNAMT>-1.400<FITID>1<NAME>Boat</STMTTRN>"
UNSIGNED = "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105<TRNAMT>14.00<FITID>1<NAME>Boat</STMTTRN>"
CORRECTION = (
    "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105<TRNAMT>-14.00<FITID>2"
    "<CORRECTFITID>1<CORRECTACTION>REPLACE<NAME>Boat</STMTTRN>"
)


class TestOfx(StatementImporterConformance):
    samples = (
        StatementSample(
            StatementFile(SGML.encode("cp1252"), "january.ofx"),
            [("2026-01-30", "-2.50"), ("2026-01-31", "1250.00")],
            currency="EUR",
            closing_balance="1347.50",
        ),
        StatementSample(
            StatementFile(XML.encode(), "card.qfx"),
            [("2026-01-05", "-19.00"), ("2026-01-09", "50.00")],
            currency="USD",
            closing_balance="-140.00",
        ),
        StatementSample(StatementFile(MARKS.encode(), "marks.qbo"), [("2026-01-05", "-1.4")]),
        StatementSample(StatementFile(UNSIGNED.encode(), "a.ofx"), [("2026-01-05", "14.00")]),
        StatementSample(
            StatementFile(UNSIGNED.encode(), "b.ofx"),
            [("2026-01-05", "-14.00")],
            options={"sign": "type"},
        ),
        StatementSample(StatementFile(CORRECTION.encode(), "c.ofx"), [("2026-01-05", "-14.00")]),
    )
    options = OPTIONS

    @pytest.fixture
    def subject(self) -> StatementImporter:
        return Ofx()
