"""The importer passes the kit."""

import pytest
from nestegg_import_camt import OPTIONS, Camt

from nestegg_core import StatementFile, StatementImporter
from nestegg_testing import StatementImporterConformance, StatementSample

STATEMENT = """\
<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">
  <BkToCstmrStmt>
    <GrpHdr><MsgId>M-1</MsgId><CreDtTm>2026-02-02T06:00:00</CreDtTm></GrpHdr>
    <Stmt>
      <Id>S-1</Id>
      <Acct><Id><IBAN>FI2112345600000785</IBAN></Id><Ccy>EUR</Ccy></Acct>
      <Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp>
        <Amt Ccy="EUR">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-01-30</Dt></Dt></Bal>
      <Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp>
        <Amt Ccy="EUR">1347.50</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-02-01</Dt></Dt></Bal>
      <Ntry>
        <Amt Ccy="EUR">2.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
        <BookgDt><Dt>2026-01-31</Dt></BookgDt><ValDt><Dt>2026-02-02</Dt></ValDt>
        <NtryDtls><TxDtls>
          <RltdPties><Cdtr><Pty><Nm>Leipomo Pulla</Nm></Pty></Cdtr></RltdPties>
          <RmtInf><Ustrd>Two buns</Ustrd></RmtInf>
        </TxDtls></NtryDtls>
      </Ntry>
      <Ntry>
        <Amt Ccy="EUR">1250</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
        <BookgDt><DtTm>2026-02-01T23:59:59+02:00</DtTm></BookgDt>
      </Ntry>
    </Stmt>
  </BkToCstmrStmt>
</Document>
"""
NOTIFICATION = """\
<?xml version="1.0"?>
<n:Document xmlns:n="urn:iso:std:iso:20022:tech:xsd:camt.054.001.04"><n:BkToCstmrDbtCdtNtfctn>
<n:Ntfctn><n:Acct><n:Id><n:Othr><n:Id>12 345</n:Id></n:Othr></n:Id></n:Acct>
<n:Ntry><n:Amt Ccy="CHF">7.05</n:Amt><n:CdtDbtInd>CRDT</n:CdtDbtInd><n:Sts>BOOK</n:Sts>
<n:ValDt><n:Dt>2026-03-01+01:00</n:Dt></n:ValDt></n:Ntry></n:Ntfctn>
</n:BkToCstmrDbtCdtNtfctn></n:Document>
"""


class TestCamt(StatementImporterConformance):
    samples = (
        StatementSample(
            StatementFile(STATEMENT.encode(), "statement.xml"),
            [("2026-01-31", "-2.50"), ("2026-02-01", "1250")],
            currency="EUR",
            closing_balance="1347.50",
        ),
        StatementSample(
            StatementFile(NOTIFICATION.encode(), "notification.xml"),
            [("2026-03-01", "7.05")],
            currency="CHF",
            options={"entries": "booked", "balances": "ignored", "reversals": "standard"},
        ),
    )
    options = OPTIONS

    @pytest.fixture
    def subject(self) -> StatementImporter:
        return Camt()
