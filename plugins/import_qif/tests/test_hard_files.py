"""What programs and banks make of QIF: read right, asked, or told; never silently wrong."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import nestegg_import_qif
import pytest
from nestegg_import_qif import Qif

from nestegg_core import Statement, StatementError, StatementFile
from nestegg_testing import MakeApp


def record(*lines: str, day: str = "13/01/2026", amount: str = "-1.00") -> str:
    return "\n".join([f"D{day}", f"T{amount}", *lines, "^", ""])


def bank(*records: str, kind: str = "Bank") -> str:
    return f"!Type:{kind}\n{''.join(records)}"


def account(name: str, *records: str, kind: str = "Bank") -> str:
    return f"!Account\nN{name}\nT{kind}\n^\n{bank(*records, kind=kind)}"


def read(text: str | bytes, **options: str) -> Statement:
    content = text if isinstance(text, bytes) else text.encode()
    assert Qif().recognises(StatementFile(content))
    return Qif().read(StatementFile(content), options)


def days(statement: Statement) -> list[str]:
    return [str(row.date) for row in statement.rows if not row.problems]


def amounts(statement: Statement) -> list[str]:
    return [str(row.amount) for row in statement.rows if not row.problems]


def problems(statement: Statement) -> list[tuple[int, str]]:
    return [(row.line, row.problems[0].code) for row in statement.rows if row.problems]


def asked(statement: Statement) -> list[str]:
    return [question.decision for question in statement.questions]


DAYS: list[tuple[list[str], list[str]]] = [
    (["1/31'19", "2/ 4'19"], ["2019-01-31", "2019-02-04"]),
    (["1/31/99", "1/ 1' 0", "2/ 4' 5"], ["1999-01-31", "2000-01-01", "2005-02-04"]),
    (["12/31/68", "1/30'08"], ["1968-12-31", "2008-01-30"]),
    (["28.02'2009", "01.03'2009"], ["2009-02-28", "2009-03-01"]),
    (["26 Jan 2026", "1 February 2026"], ["2026-01-26", "2026-02-01"]),
    (["Jan 26, 2026", "Feb 1, 2026"], ["2026-01-26", "2026-02-01"]),
    (["3. März 2026"], ["2026-03-03"]),
    (["05-Dez-2025"], ["2025-12-05"]),
    (["31/10/2018", "04/11/2018"], ["2018-10-31", "2018-11-04"]),
    (["04/10/2018", "04/30/2018"], ["2018-04-10", "2018-04-30"]),
    (["2026-01-02", "2026/1/3"], ["2026-01-02", "2026-01-03"]),
    (["20260102"], ["2026-01-02"]),
    (["31012026"], ["2026-01-31"]),
    (["99-12-31", "99-12-30"], ["1999-12-31", "1999-12-30"]),
    (["31/12/25 14:05"], ["2025-12-31"]),
    (["05/05/2026"], ["2026-05-05"]),
]


@pytest.mark.parametrize(("written", "wanted"), DAYS)
def test_days_are_read_in_the_order_that_all_of_them_tell(
    written: list[str], wanted: list[str]
) -> None:
    statement = read(bank(*(record(day=one) for one in written)))
    assert (days(statement), asked(statement)) == (wanted, [])


@pytest.mark.parametrize(
    "written",
    [
        ["04/10/2018"],
        ["1/2/26", "3/4/26"],
        ["1/2'26", "3/4'26"],
        ["31/01/2026", "01/31/2026"],
        ["19-01-31"],
        ["19-01-30", "19-01-31", "19-02-01"],
        ["05/06/26", "99/01/05"],
    ],
)
def test_days_that_fit_in_several_orders_are_asked(written: list[str]) -> None:
    statement = read(bank(*(record(day=one) for one in written)))
    assert asked(statement) == ["date_format"]
    for choice in statement.questions[0].choices:
        again = read(bank(*(record(day=one) for one in written)), date_format=choice)
        assert asked(again) == []


def test_a_day_that_does_not_exist_does_not_change_the_order_of_the_others() -> None:
    statement = read(
        bank(record(day="31/01/26"), record(day="32/01/26"), record(day="01/02/26"), record(day=""))
    )
    assert days(statement) == ["2026-01-31", "2026-02-01"]
    assert [code for _, code in problems(statement)] == ["bad_date", "missing_date"]


def test_a_number_that_repeats_the_day_tells_the_order() -> None:
    statement = read(bank(record("N20260201", day="01/02/2026")))
    assert (days(statement), asked(statement)) == (["2026-02-01"], [])


def test_bookings_in_order_of_time_tell_the_order_of_days_and_that_is_told() -> None:
    written = [f"{month}/{day}/2026" for month in (1, 2) for day in (3, 6, 9)]
    statement = read(bank(*(record(day=one) for one in written)))
    assert (days(statement)[0], days(statement)[-1]) == ("2026-01-03", "2026-02-09")
    assert "in order of time" in statement.warnings[0]


@pytest.mark.parametrize(("option", "day"), [("MDY", "2026-03-04"), ("dmy", "2026-04-03")])
def test_a_file_may_say_its_order_itself(option: str, day: str) -> None:
    statement = read(f"# made by hand\n!Option:{option}\n{bank(record(day='03/04/26'))}")
    assert (days(statement), asked(statement)) == ([day], [])


def test_an_order_can_be_told() -> None:
    text = bank(record(day="03/04/26"), record(day="13/04/26"))
    assert days(read(text, date_format="%d.%m.%y")) == ["2026-04-03", "2026-04-13"]
    told = read(text, date_format="%m/%d/%Y")
    assert (days(told), problems(told)) == (["2026-03-04"], [(5, "bad_date")])


@pytest.mark.parametrize(
    ("written", "values"),
    [
        (["-1,234.56", "5.00", "1,000"], ["-1234.56", "5.00", "1000.00"]),
        (["-1.234,56", "5,00", "1.000"], ["-1234.56", "5.00", "1000.00"]),
        (["-19", "+5"], ["-19.00", "5.00"]),
        (["- 7.10", "(3.20)", "5.00-"], ["-7.10", "-3.20", "-5.00"]),
        (["0.00", "-.50"], ["0.00", "-0.50"]),
    ],
)
def test_one_decimal_mark_is_decided_for_the_file(
    written: Sequence[str], values: list[str]
) -> None:
    statement = read(bank(*(record(amount=one) for one in written)))
    assert (amounts(statement), asked(statement)) == (values, [])


def test_a_mark_that_may_be_either_is_asked() -> None:
    text = bank(record(amount="-1,400"))
    assert asked(read(text)) == ["decimal_mark"]
    assert amounts(read(text, decimal_mark=".")) == ["-1400.00"]
    assert amounts(read(text, decimal_mark=",")) == ["-1.40"]


@pytest.mark.parametrize(
    ("written", "questions"),
    [
        (["-19.99", "1.400"], ["decimal_mark"]),
        (["-19.99", "1,400"], []),
        (["-1234.500", "19.990"], []),
        (["1,40", "-1.40"], []),
        (["1,40", "-1.40", "1.400"], ["decimal_mark"]),
    ],
)
def test_amounts_that_do_not_agree_are_asked(written: list[str], questions: list[str]) -> None:
    assert asked(read(bank(*(record(amount=one) for one in written)))) == questions


@pytest.mark.parametrize("amount", ["", "abc", "1E5", "NaN", "--5", "$5", "1.2.3"])
def test_an_amount_that_is_none_is_an_error_row(amount: str) -> None:
    statement = read(bank(record(amount="2.25"), record(amount=amount), record(amount="-3.75")))
    assert [line for line, _ in problems(statement)] == [5]
    assert amounts(statement) == ["2.25", "-3.75"]


def test_the_second_amount_only_stands_in_for_one_that_is_missing() -> None:
    statement = read(bank(record("U-9.99"), "D14/01/2026\nU-2.00\n^\n"))
    assert amounts(statement) == ["-1.00", "-2.00"]


def test_blank_lines_marks_capitals_and_line_ends_do_not_matter() -> None:
    text = "\ufeff\r\n\n!type: bank \n\n" + record("PKiosk").replace("\n", "\n\n")
    assert amounts(read(text)) == ["-1.00"]
    assert read(text.replace("\n", "\r")).rows[0].payee == "Kiosk"


@pytest.mark.parametrize(
    ("encoding", "name", "told", "is_doubted"),
    [
        ("utf-8", "Käse", {}, False),
        ("utf-16", "Käse", {}, False),
        ("utf-16-le", "Kiosk", {}, False),
        ("cp1252", "Käse", {}, True),
        ("cp1251", "Кофейня", {"encoding": "windows-1251"}, False),
    ],
)
def test_letters_are_asked_for_where_the_bytes_do_not_tell(
    encoding: str, name: str, told: dict[str, str], is_doubted: bool
) -> None:
    statement = read(bank(record(f"P{name}")).encode(encoding), **told)
    assert statement.rows[0].payee == name
    assert bool(statement.warnings) == is_doubted


def test_a_file_of_the_old_macintosh_is_known_by_its_line_ends() -> None:
    statement = read(bank(record("PKäse")).replace("\n", "\r").encode("mac-roman"))
    assert (statement.rows[0].payee, statement.decisions["encoding"]) == ("Käse", "mac-roman")


def test_texts_find_their_places_and_none_is_lost() -> None:
    statement = read(
        bank(
            record("PShop", "MGroceries", "LFood:Fruit/Home", "N1042", "CX", "AStreet 1", "ALund"),
            record("MStanding order"),
            record("PSavings plan", "L[Savings]/Home"),
            record("P**VOID** Theatre", amount="0.00"),
            record("PShop", "Mfirst", " second line"),
        )
    )
    shown = [(row.payee, row.description, row.category, row.notes) for row in statement.rows]
    assert shown == [
        ("Shop", "Groceries", "Food:Fruit", "Number 1042; Street 1; Lund"),
        ("Standing order", "", "", ""),
        ("Savings plan", "", "", "Transfer Savings"),
        ("Theatre", "", "", ""),
        ("Shop", "first second line", "", ""),
    ]
    assert [row.status for row in statement.rows].index("reverted") == 3


def test_splits_become_notes_and_the_amount_stays_one() -> None:
    statement = read(
        bank(
            record("PShop", "SFood", "Ebread", "$-0.60", "SHome", "$-0.40"),
            record("PShop", "SFood", "T-1.00"),
            record("PShop", "SFood", "$-1.00", "S", "$0.00"),
        )
    )
    assert amounts(statement) == ["-1.00"] * 3
    assert [row.category for row in statement.rows] == ["", "Food", "Food"]
    assert statement.rows[0].notes == "Food bread -0.60; Home -0.40"
    assert list(statement.warnings) == []


def test_splits_that_do_not_add_up_are_told() -> None:
    statement = read(bank(record("SFood", "$-0.60", "SHome", "$-0.50")))
    assert amounts(statement) == ["-1.00"]
    assert "do not add up" in statement.warnings[0]


def test_several_accounts_are_kept_apart_and_lists_are_no_bookings() -> None:
    listed = (
        "!Option:AutoSwitch\n!Account\nNChecking\nTBank\n$100.00\n/1/31'26\n^\nNCard\nTCCard\n^\n"
        "!Clear:AutoSwitch\n!Type:Cat\nNFood\nDEating\nE\n^\n!Option:AutoSwitch\n"
    )
    text = (
        listed
        + account("Checking", record(amount="-1.00"), record("L[Card]", amount="-2.00"))
        + account("Card", record("L[Checking]", amount="2.00"), kind="CCard")
        + account("Checking", record(amount="-4.00"))
        + "!Type:Memorized\nKD\nT-9.00\nPRent\n^\n"
    )
    statement = read(text)
    assert [(one.key, one.name) for one in statement.accounts] == [("1", "Checking"), ("2", "Card")]
    rows = [(row.account, str(row.amount)) for row in statement.rows]
    assert rows == [("1", "-1.00"), ("1", "-2.00"), ("2", "2.00"), ("1", "-4.00")]
    assert list(statement.warnings) == []


def test_accounts_without_a_name_are_told_apart_by_their_kind() -> None:
    statement = read(bank(record()) + bank(record(), kind="CCard") + bank(record()))
    shown = [
        (one.name, sum(row.account == one.key for row in statement.rows))
        for one in statement.accounts
    ]
    assert shown == [("Bank account", 2), ("Card", 1)]


def test_an_opening_balance_is_no_booking() -> None:
    opening = record("POpening Balance", "L[Checking]", amount="500.00")
    for text in (bank(opening, record()), account("Checking", opening, record())):
        statement = read(text)
        assert amounts(statement) == ["-1.00"]
        assert "line" in statement.warnings[0]
        [own] = statement.accounts
        assert (own.name, own.opening_balance) == ("Checking", Decimal("500.00"))
    in_dutch = account("Giro", record("PStart", "L[giro]", amount="5.00"), record())
    assert amounts(read(in_dutch)) == ["-1.00"]


def test_what_is_called_opening_balance_but_names_no_account_is_asked() -> None:
    text = bank(record("POpening Balance", amount="500.00"), record())
    assert asked(read(text)) == ["opening"]
    assert amounts(read(text, opening="balance")) == ["-1.00"]
    assert amounts(read(text, opening="booking")) == ["500.00", "-1.00"]


def test_a_card_whose_amounts_have_no_minus_is_asked() -> None:
    text = bank(record(amount="5.00"), record(amount="7.00"), record(amount="-9.00"), kind="CCard")
    assert asked(read(text)) == ["sign"]
    assert amounts(read(text, sign="opposite")) == ["-5.00", "-7.00", "9.00"]
    plain = read(bank(*[record(amount="5.00")] * 3))
    assert (asked(plain), plain.warnings[0][:22]) == ([], "No amount has a minus:")


def test_trades_are_told_and_a_file_of_trades_alone_is_refused() -> None:
    trades = "!Type:Invst\nD1/31'26\nNBuy\nYShares\nI3.00\nQ5\nT15.00\n^\n"
    statement = read(bank(record()) + trades)
    assert amounts(statement) == ["-1.00"]
    assert "1 booking(s) of securities were left out" in statement.warnings[0]
    with pytest.raises(StatementError, match="trades") as caught:
        read(trades)
    assert caught.value.code == "no_statement"


def test_a_type_that_nobody_knows_is_taken_for_bookings_and_told() -> None:
    statement = read(bank(record(), kind="Banque"))
    assert amounts(statement) == ["-1.00"]
    assert "not known" in statement.warnings[0]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("^\n", "", 1),
        lambda text: text[: text.index("-2.5") + 4],
        lambda text: text.replace("T-2.50\n", "\n"),
        lambda text: text.replace("D14", "?14"),
    ],
)
def test_a_booking_that_is_damaged_is_an_error_row_and_the_others_are_read(damage: Any) -> None:
    text = bank(record(), record(day="14/01/2026", amount="-2.50"), record(amount="4.00"))
    statement = read(damage(text))
    assert problems(statement)
    assert set(amounts(statement)) <= {"-1.00", "4.00"}


def test_a_last_record_without_an_end_is_read_when_its_lines_are_whole() -> None:
    statement = read(bank(record(), record(amount="-2.50"))[:-2])
    assert amounts(statement) == ["-1.00", "-2.50"]
    assert "not ended" in statement.warnings[0]


def test_a_household_answers_a_question_before_anything_is_booked(make_app: MakeApp) -> None:
    household = make_app({"import_qif": nestegg_import_qif}).register()
    own = household.account(currency="EUR")
    file = bank(record("PKiosk", day="03/04/2026")).encode()
    asking = household.upload(own, file).json
    assert asking["importer"] == "qif"
    assert [one["decision"] for one in asking["questions"]] == ["date_format"]
    assert household.post(f"imports/{asking['id']}/commit").status_code == 409
    told = household.upload(own, file, date_format="%m/%d/%Y").json
    assert household.post(f"imports/{told['id']}/commit").status_code == 200
    [booked] = household.get("transactions").json["items"]
    assert booked["date"] == "2026-03-04"


def test_a_household_books_one_account_of_several(make_app: MakeApp) -> None:
    household = make_app({"import_qif": nestegg_import_qif}).register()
    own = household.account(currency="EUR")
    file = (account("Giro", record()) + account("Card", record(amount="-7.00"))).encode()
    refused = household.upload(own, file)
    assert refused.status_code == 422
    assert "`Giro`, `Card`" in refused.json["detail"]
    params = {"account_id": own["id"], "account": "Card"}
    made = household.call("POST", "imports", params=params, body=file).json
    assert household.post(f"imports/{made['id']}/commit").status_code == 200
    assert household.balance(own) == "-7.00"
