"""What banks make of MT940 and MT942, case by case."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import nestegg_import_mt940
import pytest
from nestegg_import_mt940 import Mt940

from nestegg_core import Statement, StatementError, StatementFile, StatementRow
from nestegg_testing import MakeApp


def read(text: str | bytes, options: Mapping[str, str] | None = None) -> Statement:
    content = text if isinstance(text, bytes) else text.encode()
    return Mt940().read(StatementFile(content), options or {})


def statement(
    *lines: str,
    opening: str = "C260101EUR0,00",
    closing: str | None = None,
    account: str = "37040044/0532013000",
) -> str:
    close = [] if closing is None else [f":62F:{closing}"]
    body = [":20:X", f":25:{account}", f":60F:{opening}", *lines, *close, "-"]
    return "\r\n".join(body) + "\r\n"


def row(booking: str, *texts: str) -> StatementRow:
    (found,) = read(statement(f":61:{booking}", *texts)).rows
    return found


def texts(*lines: str) -> tuple[str, str]:
    found = row("2601020102D1,00NMSC", *lines)
    return found.payee, found.description


def problems(booking: str) -> list[tuple[str, str]]:
    return [(one.code, one.field) for one in row(booking).problems]


def amounts(rows: Sequence[StatementRow]) -> list[str]:
    return [str(one.amount) for one in rows]


@pytest.mark.parametrize(
    ("mark", "amount", "status"),
    [
        ("C", "12.50", "booked"),
        ("D", "-12.50", "booked"),
        ("RC", "-12.50", "booked"),
        ("RD", "12.50", "booked"),
        ("CR", "12.50", "booked"),  # R of EUR stands behind the mark
        ("DR", "-12.50", "booked"),
        ("RCR", "-12.50", "booked"),
        ("RDR", "12.50", "booked"),
        ("EC", "12.50", "pending"),
        ("EDR", "-12.50", "pending"),
    ],
)
def test_the_mark_says_the_sign(mark: str, amount: str, status: str) -> None:
    found = row(f"2601020102{mark}12,50NTRFNONREF")
    assert (str(found.amount), found.status) == (amount, status)


def test_a_bank_that_turns_reversals_round_is_found_out_by_its_balances() -> None:
    text = statement(
        ":61:2601020102RC30,00NMSC", ":61:2601020102D10,00NMSC", closing="C260103EUR20,00"
    )
    found = read(text)
    assert amounts(found.rows) == ["30.00", "-10.00"]
    assert found.decisions["reversals"] == "flipped"
    assert not found.questions
    standard = read(text, {"reversals": "standard"})
    assert amounts(standard.rows) == ["-30.00", "-10.00"]
    assert [one.decision for one in standard.questions] == ["balances"]


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("10,", "10"),
        ("10,5", "10.5"),
        (",50", "0.50"),
        ("10.55", "10.55"),
        ("10", "10"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("12.345.678,9", "12345678.9"),
        ("0,250", "0.250"),
        ("00000010,00", "10.00"),
    ],
)
def test_forms_of_an_amount(written: str, amount: str) -> None:
    assert row(f"2601020102C{written}NMSCNONREF").amount == Decimal(amount)


@pytest.mark.parametrize("written", ["1.250", "1,250", "1,2,3", "-10,00", "12,345", "9" * 18, ","])
def test_an_amount_that_can_be_read_in_two_ways_or_none_is_not_read(written: str) -> None:
    (problem,) = problems(f"2601020102C{written}NMSCNONREF")
    assert problem[0] in {"bad_amount", "out_of_range"}


def test_three_decimals_belong_to_currencies_that_have_them() -> None:
    text = statement(
        ":61:2601020102C1,250NMSC", opening="C260101KWD0,000", closing="C260102KWD1,25"
    )
    found = read(text)
    assert found.rows[0].amount == Decimal("1.250")
    assert found.decisions["balances"] == "verified"


@pytest.mark.parametrize(
    ("days", "day"),
    [
        ("2601020102", "2026-01-02"),
        ("260102", "2026-01-02"),
        ("2612310102", "2027-01-02"),
        ("2601021231", "2025-12-31"),
        ("2601020115", "2026-01-15"),
        ("230228 301", "2023-03-01"),
        ("2303010229", "2024-02-29"),
        ("2602300302", "2026-03-02"),
        ("260102    ", "2026-01-02"),
        ("991231", "1999-12-31"),
    ],
)
def test_the_booking_day_has_the_year_that_is_nearest_to_the_value_day(days: str, day: str) -> None:
    assert str(row(f"{days}D1,00NMSC").date) == day


@pytest.mark.parametrize("days", ["260230", "2601021332", "269901", "2699010101"])
def test_a_day_that_does_not_exist_is_not_moved(days: str) -> None:
    assert problems(f"{days}D1,00NMSC") == [("bad_date", "date")]


@pytest.mark.parametrize(
    "booking", ["", "2601020102X1,00NMSC", "2601020102D", "D1,00NMSC", "26010"]
)
def test_a_booking_that_cannot_be_read_stands_in_its_line(booking: str) -> None:
    found = read(statement(f":61:{booking}", ":61:2601020102D1,00NMSC", closing="D260102EUR1,00"))
    assert [(one.line, [p.code for p in one.problems]) for one in found.rows] == [
        (4, ["bad_booking"]),
        (5, []),
    ]
    assert found.decisions["balances"] == "missing"
    assert found.warnings


def test_what_contradicts_the_balances_is_asked() -> None:
    text = statement(":61:2601020102D1,00NMSC", closing="D260102EUR2,50")
    found = read(text)
    (question,) = found.questions
    assert question.decision == "balances"
    assert "-1.50 EUR" in question.evidence
    answered = read(text, {"balances": "ignored"})
    assert not answered.questions
    assert answered.decisions["balances"] == "ignored"


def test_a_file_that_breaks_off_is_asked_about() -> None:
    whole = statement(":61:2601020102D12,34NMSC", closing="D260102EUR12,34")
    for end in range(whole.index("12,34") + 1, whole.index(":62F:")):
        assert [one.decision for one in read(whole[:end]).questions] == ["balances"], whole[:end]


def test_accounts_and_currencies_are_kept_apart() -> None:
    found = read(
        statement(":61:260102C1,00NMSC", closing="C260102EUR1,00", account="1/20EUR")
        + statement(
            ":61:260102D5,00NMSC", opening="C260101USD9,", closing="C260102USD4,", account="1/20USD"
        )
        + statement(
            ":61:260103D2,NMSC", opening="C260102EUR1,", closing="D2601EUR1", account="1/20"
        )
        + statement(
            ":61:260103D3,00NMSC", opening="C260102EUR1,00", closing="D260103EUR2,", account="1/20"
        )
    )
    assert [
        (one.number, one.currency, one.opening_balance, one.closing_balance)
        for one in found.accounts
    ] == [("1/20", "EUR", Decimal(0), Decimal(-2)), ("1/20", "USD", Decimal(9), Decimal(4))]
    assert [one.account for one in found.rows] == ["1", "2", "1", "1"]
    assert [(one.account, one.lines) for one in found.questions] == [("1", [13])]


def test_statements_that_do_not_follow_one_another_are_told() -> None:
    days = [
        statement(":61:260102C1,NMSC", closing="C260102EUR1,"),
        statement(":61:260103C1,NMSC", opening="C260102EUR1,", closing="C260103EUR2,"),
        statement(":61:260104C1,NMSC", opening="C260103EUR5,", closing="C260104EUR6,"),
    ]
    assert any("follow" in warning for warning in read("".join(days)).warnings)
    newest_first = read("".join(days[1::-1]))
    assert not newest_first.warnings
    assert newest_first.closing_balance == Decimal(2)


@pytest.mark.parametrize(
    ("account", "number"),
    [
        ("DE02120300000000202051", "DE02120300000000202051"),
        ("COBADEFF/DE02120300000000202051", "DE02120300000000202051"),
        ("/PL61109010140000071219812874", "PL61109010140000071219812874"),
        ("NL02ABNA0123456789EUR", "NL02ABNA0123456789"),
        ("NL02ABNA0123456789 EUR", "NL02ABNA0123456789"),
        ("AAAATTBB/12345ABC002/EUR", "AAAATTBB/12345ABC002"),
        ("12345CHF", "12345CHF"),  # not this statement's currency
    ],
)
def test_the_number_of_an_account(account: str, number: str) -> None:
    (found,) = read(statement(closing="C260102EUR0,00", account=account)).accounts
    assert found.number == number


def test_pages_of_a_statement_follow_one_another() -> None:
    text = (
        ":20:1\n:25:1\n:60F:C260101EUR1,\n:61:260102C2,NMSC\n:62M:C260102EUR3,\n-\n"
        ":20:1\n:25:1\n:60M:C260102EUR3,\n:61:260102C4,NMSC\n:62F:C260102EUR7,\n-\n"
    )
    found = read(text)
    assert not found.warnings
    assert (found.accounts[0].opening_balance, found.closing_balance) == (1, 7)
    assert found.decisions["balances"] == "verified"


def test_a_statement_that_is_in_the_file_twice_is_taken_once() -> None:
    one = statement(":61:260102C2,NMSC", closing="C260102EUR2,")
    found = read(one + one)
    assert amounts(found.rows) == ["2"]
    assert any("twice" in warning for warning in found.warnings)


def test_two_equal_coffees_are_two() -> None:
    found = read(statement(*[":61:2601020102D2,00NMSC"] * 2, closing="D260102EUR4,00"))
    assert amounts(found.rows) == ["-2.00", "-2.00"]


def test_a_statement_without_bookings_has_its_balances() -> None:
    found = read(statement(closing="C260102EUR0,00"))
    assert (list(found.rows), found.closing_balance) == ([], Decimal("0.00"))


def test_lines_of_nothing_carry_on_a_text_or_are_information() -> None:
    found = read(
        statement(
            ":61:2601020102C0,00NMSC",
            ":86:Our terms have changed",
            ":61:2601030103D5,00NMSC",
            ":86:Rent of",
            ":61:2601030103D0,00NMSC",
            ":86:January",
            closing="D260103EUR5,00",
        )
    )
    assert [(str(one.amount), one.description) for one in found.rows] == [
        ("-5.00", "Rent of January")
    ]
    assert any("line 4" in warning for warning in found.warnings)


def test_bookings_of_a_day_are_pending_and_verified_by_their_sums() -> None:
    text = (
        ":20:1\n:25:PL00\n:28C:1/1\n:34F:PLN0\n:13D:2601021200+0100\n"
        ":61:2601020102D5,00NMSC\n:61:2601020102C7,00NMSC\n:90D:1PLN5,00\n:90C:1PLN7,00\n-\n"
    )
    found = read(text)
    assert [one.status for one in found.rows] == ["pending", "pending"]
    assert (found.currency, found.decisions["balances"]) == ("PLN", "verified")
    assert [one.status for one in read(text, {"entries": "booked"}).rows] == ["booked"] * 2
    wrong = read(text.replace(":90C:1PLN7,00", ":90C:2PLN9,00"))
    assert [one.decision for one in wrong.questions] == ["balances"]


def test_german_texts() -> None:
    assert texts(
        ":86:177?00SEPA-UEBERWEISUNG?10931?20EREF+R-2026-01?21SVWZ+Invoice 77 of the gar",
        "dener?30GENODEF1?31DE02120300000000202051?32Gartenbau Gruen und?33Partner",
    ) == ("Gartenbau Gruen und Partner", "Invoice 77 of the gardener")
    assert texts(":86:106?00KARTENZAHLUNG?20SUPERMARKT 12 ULM?21 1.1. 18:20") == (
        "SUPERMARKT 12 ULM 1.1. 18:20",
        "SUPERMARKT 12 ULM 1.1. 18:20",
    )
    assert texts(":86:808?00ENTGELT")[0] == "ENTGELT"


def test_a_part_that_is_full_goes_on_within_a_word() -> None:
    assert texts(f":86:166?20SVWZ+{'x' * 22}?21yz?22end?32Jo") == ("Jo", "x" * 22 + "yz end")


@pytest.mark.parametrize("mark", ["?", "~", "<", "^", "|"])
def test_the_separator_stands_behind_the_code(mark: str) -> None:
    line = ":86:020?00Transfer?20Rent?32Jo".replace("?", mark)
    assert texts(line) == ("Jo", "Rent")
    assert texts(":86:020", line) == ("Jo", "Rent")


def test_dutch_texts() -> None:
    assert texts(
        ":86:/TRTP/SEPA OVERBOEKING/IBAN/NL02ABNA0123456789/BIC/ABNANL2A/NAME/B",
        "akkerij De Aar/REMI/Two loaves/EREF/NOTPROVIDED",
    ) == ("Bakkerij De Aar", "Two loaves")
    assert texts(
        ":86:/EREF/1//CNTP/NL02ABNA0123456789/ABNANL2A/A. Voorbeeld///REMI/USTD//Club dues/"
    ) == ("A. Voorbeeld", "Club dues")
    assert texts(":86:/BENM//NAME/J. Jansen/REMI/STRD/CUR/4711000000000000/ISDT/2026-01-02") == (
        "J. Jansen",
        "4711000000000000",
    )


def test_free_texts_may_begin_with_a_dash_and_run_over_lines() -> None:
    assert (
        texts(":86:CARD 4711", "-REFUND OF", ":not a tag")
        == ("CARD 4711 -REFUND OF :not a tag",) * 2
    )


def test_a_dash_alone_within_a_text_does_not_end_the_statement() -> None:
    found = read(
        statement(
            ":61:260102D1,NMSC", ":86:One", "-", "Two", ":61:260102D2,NMSC", closing="D260102EUR3,"
        )
    )
    assert amounts(found.rows) == ["-1", "-2"]
    assert found.decisions["balances"] == "verified"
    assert len(found.accounts) == 1


def test_the_text_behind_the_closing_balance_is_not_the_last_bookings() -> None:
    body = statement(":61:260102D1,NMSC", ":86:Mine", closing="D260102EUR1,\r\n:86:Advertisement")
    assert read(body).rows[0].description == "Mine"


def test_without_a_text_the_booking_itself_tells() -> None:
    found = row("2601020102D1,00NCHKINV 77//BANK9", "Cheque of May")
    assert (found.payee, found.external_id) == ("Cheque of May", "BANK9")
    assert row("2601020102D1,00NCHKINV 77").payee == "INV 77"
    assert row("2601020102D1,00NMSCNONREF//NONREF").external_id == ""


@pytest.mark.parametrize(
    "before",
    [
        "{1:F01A}{2:I940B}{4:\r\n",
        "{1:F01A}{2:O940{x}}{3:{108:1}}{4:",
        "ABNANL2A\r\n940\r\nABNANL2A\r\n",
    ],
)
def test_what_stands_before_a_message_is_passed_over(before: str) -> None:
    text = before + statement(":61:260102D1,NMSC", closing="D260102EUR1,")
    assert Mt940().recognises(StatementFile(text.encode()))
    assert read(text).decisions["balances"] == "verified"


@pytest.mark.parametrize("minute", ["20", "25", "26", "34"])
def test_a_time_that_breaks_over_lines_is_no_tag(minute: str) -> None:
    found = read(
        statement(
            ":61:260102D1,NMSC",
            ":86:Card 7 on 2.1. at 14",
            f":{minute}:37 in Ulm",
            ":61:260102D2,NMSC",
            closing="D260102EUR3,",
        )
    )
    assert found.rows[0].payee == f"Card 7 on 2.1. at 14 :{minute}:37 in Ulm"
    assert found.decisions["balances"] == "verified"
    assert len(found.accounts) == 1


def test_a_closing_balance_need_not_say_the_currency_again() -> None:
    found = read(
        statement(":61:020322CM20000,00S051", opening="C020315DEM0,", closing="C02032220000,")
    )
    assert (found.decisions["balances"], found.currency) == ("verified", "DEM")


def test_a_kind_of_three_letters_is_no_part_of_the_reference() -> None:
    assert row("100722D3,03NOV NONREF").payee == ""
    assert row("100722D3,03NGT Tango").payee == "Tango"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "@@"])
def test_ends_of_lines(end: str) -> None:
    text = statement(":61:260102D1,NMSC", ":86:One", closing="D260102EUR1,").replace("\r\n", end)
    assert Mt940().recognises(StatementFile(text.encode()))
    assert [(one.payee, str(one.amount)) for one in read(text).rows] == [("One", "-1")]


@pytest.mark.parametrize(
    ("encoding", "name", "warned"),
    [
        ("utf-8", "Bäckerei Ł", False),
        ("utf-8-sig", "Bäckerei Ł", False),
        ("utf-16", "Bäckerei Ł", False),
        ("cp1252", "Bäckerei Größe", True),
        ("cp850", "Bäckerei Größe", True),
        ("cp852", "Spořitelna Žďár", True),
        ("cp1250", "Łódź śledź", True),
    ],
)
def test_encodings_are_found_and_those_that_are_guessed_are_told(
    encoding: str, name: str, warned: bool
) -> None:
    text = statement(":61:260102D1,NMSC", f":86:{name}", closing="D260102EUR1,")
    content = text.encode(encoding)
    assert Mt940().recognises(StatementFile(content))
    found = read(content)
    assert found.rows[0].payee == name
    assert bool(found.warnings) == warned
    if warned:
        assert read(content, {"encoding": encoding}).rows[0].payee == name
        assert not read(content, {"encoding": encoding}).warnings


def test_what_is_no_statement_is_refused() -> None:
    for text in ("", "Hello", ":20:1\n:25:2\n"):
        with pytest.raises(StatementError) as caught:
            read(text)
        assert caught.value.code == "no_statement"


def test_a_household_books_one_account_of_several(make_app: MakeApp) -> None:
    household = make_app({"import_mt940": nestegg_import_mt940}).register()
    own = household.account(currency="EUR")
    text = statement(":61:260102D7,50NMSC", closing="D260102EUR7,50") + statement(
        ":61:260102D9,00NMSC", closing="D260102EUR9,00", account="37040044/0009998887"
    )
    content = text.encode()
    assert household.upload(own, content).status_code == 422
    preview = household.call(
        "POST", "imports", params={"account_id": own["id"], "account": "8887"}, body=content
    ).json
    assert household.post(f"imports/{preview['id']}/commit").status_code == 200
    assert household.balance(own) == "-9.00"
