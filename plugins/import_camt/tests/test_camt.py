"""What banks make of camt, case by case."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from decimal import Decimal

import nestegg_import_camt
import pytest
from nestegg_import_camt import Camt

from nestegg_core import Statement, StatementError, StatementFile, StatementRow
from nestegg_testing import MakeApp

KINDS = {
    "052": ("BkToCstmrAcctRpt", "Rpt"),
    "053": ("BkToCstmrStmt", "Stmt"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}
IBAN = "NO8330001234567"


def entry(
    amount: str = "10.00",
    direction: str = "DBIT",
    *,
    day: str = "<BookgDt><Dt>2026-03-02</Dt></BookgDt>",
    currency: str = "NOK",
    status: str = "BOOK",
    head: str = "",
    rest: str = "",
) -> str:
    return (
        f'<Ntry>{head}<Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'
        f"<Sts>{status}</Sts>{day}{rest}</Ntry>"
    )


def details(*transactions: str) -> str:
    return f"<NtryDtls>{''.join(f'<TxDtls>{one}</TxDtls>' for one in transactions)}</NtryDtls>"


def party(role: str, name: str) -> str:
    return f"<RltdPties><{role}><Nm>{name}</Nm></{role}></RltdPties>"


def balance(code: str, amount: str, direction: str = "CRDT", currency: str = "NOK") -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd></Bal>'
    )


def account(number: str = IBAN, currency: str = "NOK") -> str:
    return (
        f"<Acct><Id><IBAN>{number}</IBAN></Id><Ccy>{currency}</Ccy>"
        "<Ownr><Nm>Kari Eksempel</Nm></Ownr></Acct>"
    )


def report(*parts: str, of: str = "", name: str = "1", kind: str = "053") -> str:
    container = KINDS[kind][1]
    return f"<{container}><Id>{name}</Id>{of or account()}{''.join(parts)}</{container}>"


def message(*reports: str, kind: str = "053") -> bytes:
    root = KINDS[kind][0]
    space = f"urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.02"
    return (
        f'<?xml version="1.0"?>\n<Document xmlns="{space}">'
        f"<{root}><GrpHdr><MsgId>M</MsgId></GrpHdr>{''.join(reports)}</{root}></Document>"
    ).encode()


def read(content: bytes, options: Mapping[str, str] | None = None) -> Statement:
    return Camt().read(StatementFile(content), options or {})


def amounts(rows: Sequence[StatementRow]) -> list[str]:
    return [str(row.amount) for row in rows]


def only_row(*parts: str, **told: str) -> StatementRow:
    (row,) = read(message(report(entry(rest="".join(parts), **told)))).rows
    return row


def problems(**told: str) -> list[tuple[str, str]]:
    return [(one.code, one.field) for one in only_row(**told).problems]


@pytest.mark.parametrize(
    ("direction", "amount"), [("CRDT", "10.00"), ("DBIT", "-10.00")], ids=["credit", "debit"]
)
@pytest.mark.parametrize("reversal", ["", "<RvslInd>false</RvslInd>", "<RvslInd>true</RvslInd>"])
def test_the_indicator_says_the_sign_of_a_reversal_too(
    direction: str, amount: str, reversal: str
) -> None:
    assert amounts([only_row(direction=direction, day=reversal + entry_day())]) == [amount]


def entry_day(text: str = "2026-03-02") -> str:
    return f"<BookgDt><Dt>{text}</Dt></BookgDt>"


def test_a_bank_that_turns_reversals_round_is_found_out_by_its_balances() -> None:
    turned = entry("30.00", "DBIT", day="<RvslInd>true</RvslInd>" + entry_day())
    content = message(
        report(balance("OPBD", "100.00"), balance("CLBD", "120.00"), entry("10.00"), turned)
    )

    statement = read(content)

    assert amounts(statement.rows) == ["-10.00", "30.00"]
    assert statement.decisions["reversals"] == "flipped"
    assert statement.decisions["balances"] == "verified"
    assert any("Reversals" in warning for warning in statement.warnings)
    assert not statement.questions
    standard = read(content, {"reversals": "standard"})
    assert amounts(standard.rows) == ["-10.00", "-30.00"]
    assert [one.decision for one in standard.questions] == ["balances"]


def test_pending_and_future_entries_are_told_as_pending() -> None:
    rows = read(
        message(
            report(
                entry(status="PDNG"), entry(status="<Cd>FUTR</Cd>"), entry(status="<Cd>BOOK</Cd>")
            )
        )
    ).rows
    assert [row.status for row in rows] == ["pending", "pending", "booked"]


def test_pending_entries_are_not_in_the_balances() -> None:
    statement = read(
        message(
            report(
                balance("PRCD", "5.00", "DBIT"),
                balance("CLBD", "15.00", "DBIT"),
                entry("99.00", status="PDNG"),
                entry("10.00"),
            )
        )
    )
    assert statement.decisions["balances"] == "verified"
    assert statement.closing_balance == Decimal("-15.00")
    assert statement.accounts[0].opening_balance == Decimal("-5.00")


def test_information_is_no_booking_and_is_told() -> None:
    statement = read(message(report(entry("5.00", status="INFO"), entry("1.00"))))
    assert amounts(statement.rows) == ["-1.00"]
    assert any("information" in warning and "line 2" in warning for warning in statement.warnings)


def test_what_contradicts_the_balances_is_asked() -> None:
    content = message(
        report(balance("OPBD", "100.00"), balance("CLBD", "80.00"), entry("10.00"), name="7")
    )
    statement = read(content)
    (question,) = statement.questions
    assert question.decision == "balances"
    assert "-10.00 NOK" in question.evidence
    assert statement.decisions["balances"] == "contradicted"
    answered = read(content, {"balances": "ignored"})
    assert not answered.questions
    assert amounts(answered.rows) == ["-10.00"]


def test_sums_verify_where_there_are_no_balances() -> None:
    sums = (
        "<TxsSummry><TtlDbtNtries><NbOfNtries>{}</NbOfNtries><Sum>{}</Sum></TtlDbtNtries>"
        "</TxsSummry>"
    )
    right = read(message(report(sums.format(2, "12"), entry("10"), entry("2.00"))))
    assert right.decisions["balances"] == "verified"
    wrong = read(message(report(sums.format(3, "12"), entry("10"), entry("2.00"))))
    assert [one.decision for one in wrong.questions] == ["balances"]


def test_a_batch_is_one_booking_with_the_names_of_its_payments() -> None:
    row = only_row(
        details(
            party("Cdtr", "Fisk AS") + "<Amt>4.00</Amt><RmtInf><Ustrd>Cod</Ustrd></RmtInf>",
            party("Cdtr", "Brød AS") + "<Amt>6.00</Amt><RmtInf><Ustrd>Bread</Ustrd></RmtInf>",
        ),
        "<AddtlNtryInf>Two payments</AddtlNtryInf>",
    )
    assert (str(row.amount), row.payee) == ("-10.00", "Two payments")
    assert row.description == "Fisk AS Cod; Brød AS Bread Two payments"


def test_the_other_side_is_never_the_owner_and_the_one_behind_a_service_first() -> None:
    both = (
        "<RltdPties><Dbtr><Nm>KARI EKSEMPEL</Nm></Dbtr><Cdtr><Nm>Payment Service</Nm></Cdtr>"
        "<UltmtCdtr><Nm>Book Shop</Nm></UltmtCdtr></RltdPties>"
    )
    assert only_row(details(both)).payee == "Book Shop"
    assert only_row(details(both), direction="CRDT").payee == "Book Shop"
    mine = party("Cdtr", "NOTPROVIDED") + "<AddtlTxInf>Card 7 Oslo</AddtlTxInf>"
    assert only_row(details(mine)).payee == "Card 7 Oslo"


def test_the_other_side_of_a_reversed_debit_is_who_was_paid() -> None:
    both = (
        "<RltdPties><Dbtr><Pty><Nm>Somebody</Nm></Pty></Dbtr>"
        "<Cdtr><Pty><Nm>Gym</Nm></Pty></Cdtr></RltdPties>"
    )
    row = only_row(
        details(both + "<RtrInf><Rsn><Cd>MD06</Cd></Rsn></RtrInf>"),
        direction="CRDT",
        day="<RvslInd>true</RvslInd>" + entry_day(),
    )
    assert (row.payee, row.description) == ("Gym", "Returned: MD06")


def test_full_lines_of_a_text_are_joined_without_a_blank() -> None:
    lines = f"<RmtInf><Ustrd>{'x' * 140}</Ustrd><Ustrd>yz</Ustrd><Ustrd>a b</Ustrd></RmtInf>"
    assert only_row(details(lines)).description == "x" * 140 + "yz a b"


def test_a_days_date_is_taken_as_it_is_written() -> None:
    day = "<BookgDt><DtTm>2026-03-01T00:30:00+02:00</DtTm></BookgDt>"
    assert str(only_row(day=day).date) == "2026-03-01"
    assert str(only_row(day="<ValDt><Dt>2026-03-04Z</Dt></ValDt>").date) == "2026-03-04"


def test_ids_are_the_banks_and_no_numbers_within_a_statement() -> None:
    refs = details("<Refs><AcctSvcrRef>B-9</AcctSvcrRef><EndToEndId>E</EndToEndId></Refs>")
    assert only_row(refs, head="<NtryRef>1</NtryRef>").external_id == "B-9"
    assert only_row("<AcctSvcrRef>A-8</AcctSvcrRef>", refs).external_id == "A-8"
    assert only_row("<AcctSvcrRef>NONREF</AcctSvcrRef>").external_id == ""


def test_what_was_converted_is_told() -> None:
    foreign = '<AmtDtls><InstdAmt><Amt Ccy="USD">9.50</Amt></InstdAmt></AmtDtls>'
    assert only_row(details(foreign)).notes == "Originally USD 9.50"


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"amount": ""}, ("missing_amount", "amount")),
        ({"amount": "1,000"}, ("bad_amount", "amount")),
        ({"amount": "-10.00"}, ("bad_amount", "amount")),
        ({"amount": "1.23456"}, ("bad_amount", "amount")),
        ({"amount": "1" * 16}, ("out_of_range", "amount")),
        ({"amount": "10 €"}, ("bad_amount", "amount")),
        ({"currency": "kr"}, ("bad_currency", "currency")),
        ({"direction": "C"}, ("missing_direction", "amount")),
        ({"day": ""}, ("missing_date", "date")),
        ({"day": "<BookgDt><Dt>2026-02-30</Dt></BookgDt>"}, ("bad_date", "date")),
        ({"day": "<BookgDt><Dt>02.03.2026</Dt></BookgDt>"}, ("bad_date", "date")),
        ({"status": "DONE"}, ("unknown_status", "")),
        ({"head": "<RvslInd>maybe</RvslInd>"}, ("bad_reversal", "")),
    ],
)
def test_an_entry_that_cannot_be_read_says_why(told: dict[str, str], problem: object) -> None:
    assert problems(**told) == [problem]


def test_an_entry_that_cannot_be_read_stands_in_its_line_and_verifies_nothing() -> None:
    content = message(
        report(
            balance("OPBD", "1"), balance("CLBD", "1"), "\n\n", entry("bad"), "\n", entry("1.50")
        )
    )
    statement = read(content)
    assert [(row.line, bool(row.problems)) for row in statement.rows] == [(4, True), (5, False)]
    assert statement.decisions["balances"] == "missing"


@pytest.mark.parametrize("amount", ["0010.00", "10", "10.0000000", "+10.00", "10,00"])
def test_forms_of_an_amount(amount: str) -> None:
    assert only_row(amount=amount).amount == Decimal(-10)


def test_accounts_and_currencies_are_kept_apart() -> None:
    euros, crowns = account(currency="EUR"), account("NO83 3000 1234 567")
    statement = read(
        message(
            report(balance("OPBD", "1"), balance("CLBD", "0"), entry("1"), of=account()),
            report(
                balance("OPBD", "5", currency="EUR"),
                balance("CLBD", "3", currency="EUR"),
                entry("2", currency="EUR"),
                of=euros,
                name="2",
            ),
            report(balance("OPBD", "0"), balance("CLBD", "9"), entry("9", "CRDT"), of=crowns),
        )
    )
    assert [
        (one.number, one.currency, one.opening_balance, one.closing_balance)
        for one in statement.accounts
    ] == [(IBAN, "NOK", Decimal(1), Decimal(9)), (IBAN, "EUR", Decimal(5), Decimal(3))]
    keys = [one.key for one in statement.accounts]
    assert [row.account for row in statement.rows] == [keys[0], keys[1], keys[0]]
    assert (statement.currency, statement.closing_balance) == (None, None)
    assert statement.decisions["balances"] == "verified"


def test_a_question_is_about_the_account_whose_balances_contradict() -> None:
    statement = read(
        message(
            report(balance("OPBD", "1"), balance("CLBD", "0"), entry("1")),
            report(
                balance("OPBD", "5", currency="EUR"),
                balance("CLBD", "9", currency="EUR"),
                entry("2", currency="EUR"),
                of=account(currency="EUR"),
            ),
        )
    )
    assert [one.account for one in statement.questions] == [statement.accounts[1].key]


def test_statements_that_do_not_follow_one_another_are_told() -> None:
    days = [
        report(balance("OPBD", "1"), balance("CLBD", "2"), entry("1", "CRDT"), name="1"),
        report(balance("OPBD", "2"), balance("CLBD", "4"), entry("2", "CRDT"), name="2"),
        report(balance("OPBD", "5"), balance("CLBD", "6"), entry("1", "CRDT"), name="3"),
    ]
    assert any("follow" in warning for warning in read(message(*days)).warnings)
    newest_first = read(message(*days[1::-1]))
    assert not newest_first.warnings
    assert newest_first.closing_balance == Decimal(4)


def test_pages_of_a_statement_meet_at_interim_balances() -> None:
    statement = read(
        message(
            report(balance("OPBD", "1"), balance("ITBD", "3"), entry("2", "CRDT"), name="1"),
            report(balance("ITBD", "3"), balance("CLBD", "7"), entry("4", "CRDT"), name="1"),
        )
    )
    assert statement.decisions["balances"] == "verified"
    assert (statement.accounts[0].opening_balance, statement.closing_balance) == (1, 7)


def test_an_interim_balance_of_the_day_may_be_ahead() -> None:
    statement = read(
        message(
            report(balance("PRCD", "1"), balance("ITBD", "9"), entry("1"), kind="052"), kind="052"
        )
    )
    assert not statement.questions
    assert statement.decisions["balances"] == "missing"


def test_a_notification_is_asked_about_and_a_report_told() -> None:
    notification = message(report(entry(), kind="054"), kind="054")
    assert [one.decision for one in read(notification).questions] == ["entries"]
    pending = read(notification, {"entries": "pending"})
    assert [row.status for row in pending.rows] == ["pending"]
    assert not pending.questions
    day = read(message(report(entry(), kind="052"), kind="052"))
    assert any("camt.053" in warning for warning in day.warnings)


def zipped(files: Mapping[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return whole.getvalue()


def test_an_archive_of_days_is_one_statement() -> None:
    first = message(report(balance("OPBD", "1"), balance("CLBD", "2"), entry("1", "CRDT")))
    second = message(report(balance("OPBD", "2"), balance("CLBD", "0"), entry("2"), name="2"))
    files = {"a/2.xml": second, "a/1.xml": first, "__MACOSX/a/1.xml": b"x", "read.me": b"Hello"}
    content = zipped({**files, "again.xml": first})

    assert Camt().recognises(StatementFile(content))
    statement = read(content)
    assert amounts(statement.rows) == ["-2", "1"]
    assert statement.closing_balance == Decimal(0)
    assert any("1 file(s)" in warning for warning in statement.warnings)
    assert any("twice" in warning for warning in statement.warnings)


def test_archives_of_other_things_are_not_recognised() -> None:
    for files in ({"[Content_Types].xml": b"<Types/>"}, {"a.csv": b"Date,Amount"}, {}):
        assert not Camt().recognises(StatementFile(zipped(files)))


def test_kinds_that_repeat_one_another_are_not_read_together() -> None:
    content = zipped(
        {
            "3.xml": message(report(entry())),
            "4.xml": message(report(entry(), kind="054"), kind="054"),
        }
    )
    with pytest.raises(StatementError) as caught:
        read(content)
    assert caught.value.code == "mixed_messages"


def test_what_an_archive_unpacks_to_is_bounded() -> None:
    bomb = message(report(entry()) + " " * (33 * 2**20))
    with pytest.raises(StatementError) as caught:
        read(zipped({"bomb.xml": bomb}))
    assert caught.value.code == "file_too_large"
    with pytest.raises(StatementError) as caught:
        read(zipped({f"{number}.xml": b"" for number in range(1_001)}))
    assert caught.value.code == "too_many_files"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (message(report(entry()))[:-20], "not_well_formed"),
        (b"no XML at all", "not_well_formed"),
        (b"<Document><BkToCstmrStmt/></Document>", "no_statement"),
        (b"<Document><CstmrCdtTrfInitn/></Document>", "no_statement"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document_type"),
        (b"<a>" * 200, "too_deep"),
        (b'<?xml version="1.0" encoding="gb18030"?><a/>', "unknown_encoding"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "unknown_encoding"),
        (b"PK\x03\x04 is how an archive begins", "damaged_archive"),
    ],
)
def test_what_is_no_statement_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(StatementError) as caught:
        read(content)
    assert caught.value.code == code


def test_text_that_is_not_the_utf8_that_it_claims_is_read_with_a_warning() -> None:
    content = message(report(entry(rest=details(party("Cdtr", "Brød"))))).decode().encode("cp1252")
    statement = read(content)
    assert statement.rows[0].payee == "Brød"
    assert any("cp1252" in warning for warning in statement.warnings)


def test_whatever_stands_around_the_document_is_passed_over() -> None:
    inner = message(report(entry())).partition(b"\n")[2]
    content = b"\n\n<FieldCipher><Header><Id>x</Id></Header>" + inner + b"</FieldCipher>"
    (row,) = read(content).rows
    assert (row.line, str(row.amount)) == (3, "-10.00")


def test_a_household_books_it(make_app: MakeApp) -> None:
    household = make_app({"import_camt": nestegg_import_camt}).register()
    crowns = household.account(currency="NOK")
    content = message(
        report(balance("OPBD", "0"), balance("CLBD", "-7.50"), entry("7.50"), entry(status="PDNG"))
    )
    preview = household.upload(crowns, content).json
    assert household.post(f"imports/{preview['id']}/commit").status_code == 200
    assert household.balance(crowns) == "-7.50"
