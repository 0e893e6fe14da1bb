from decimal import Decimal

import pytest

from nestegg_core import Statement, StatementError, StatementFile
from nestegg_core.importers.csv.importer import CsvImporter
from nestegg_core.importers.csv.options import CSV_OPTIONS


def read(text: str, **options: str) -> Statement:
    return CsvImporter().read(StatementFile(text.encode()), options)


def amounts(statement: Statement) -> list[str]:
    return [str(row.amount) for row in statement.rows]


def problems(statement: Statement) -> list[list[str]]:
    return [[problem.code for problem in row.problems] for row in statement.rows]


def refused(text: str, **options: str) -> StatementError:
    with pytest.raises(StatementError) as error:
        read(text, **options)
    return error.value


# Columns ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Date,Payee,Memo,Amount", "31/12/2020,Shop,Food,-1.50"),
        ("Buchungstag;Empfänger;Verwendungszweck;Betrag", "31.12.2020;Shop;Food;-1,50"),
        ("Date opération;Tiers;Libellé;Montant", "31/12/2020;Shop;Food;-1,50"),
        ("Fecha;Beneficiario;Concepto;Importe", "31/12/2020;Shop;Food;-1,50"),
        ("Data contabile;Controparte;Causale;Importo", "31/12/2020;Shop;Food;-1,50"),
        ("Boekdatum;Naam tegenpartij;Omschrijving;Bedrag", "31-12-2020;Shop;Food;-1,50"),
        ("Data operacji;Odbiorca;Tytuł;Kwota", "31.12.2020;Shop;Food;-1,50"),
        ("DATE;PAYEE;DESCRIPTION;AMOUNT_EUR", "2020-12-31;Shop;Food;-1,50"),
        ("Kuupäev;Saaja;Selgitus;Hulk", "31.12.2020;Shop;Food;-1,50"),
    ],
)
def test_columns_are_recognised_in_many_languages_and_by_what_they_hold(
    header: str, row: str
) -> None:
    [found] = read(f"{header}\n{row}\n").rows
    assert (str(found.date), str(found.amount)) == ("2020-12-31", "-1.50")
    assert (found.payee, found.description) == ("Shop", "Food")


def test_the_booking_date_is_preferred_unless_it_is_empty() -> None:
    both = "Wertstellung;Buchungstag;Betrag\n02.01.2020;31.12.2019;-1,00\n"
    assert read(both).decisions["date_column"] == "Buchungstag"
    one = "Wertstellung;Buchungstag;Betrag\n31.01.2020;;-1,00\n"
    assert read(one).decisions["date_column"] == "Wertstellung"


def test_a_column_called_date_that_holds_no_dates_is_passed_over() -> None:
    text = "Date,Posted,Amount\nMon,2020-01-31,-1\nTue,2020-02-01,1\n"
    assert [str(row.date) for row in read(text).rows] == ["2020-01-31", "2020-02-01"]


def test_the_amount_is_preferred_to_the_original_amount() -> None:
    text = "Date,Original Amount,Amount,Fee\n2020-01-31,-9.00,-8.10,-1.00\n"
    assert amounts(read(text)) == ["-8.10"]


def test_columns_without_a_header_are_named_by_their_numbers() -> None:
    statement = read("1,31.01.2020,Shop,-1.50\n2,01.02.2020,Mill,2.00\n")
    chosen = {name: statement.decisions[f"{name}_column"] for name in ("date", "payee", "amount")}
    assert chosen == {"date": "2", "payee": "3", "amount": "4"}
    assert statement.decisions["header_row"] == 0


def test_columns_can_be_told_by_name_or_number() -> None:
    text = "Date,Amount,Amount,Who,What\n2020-01-31,1.00,-2.00,Shop,Food\n"
    told = read(text, amount_column="3", payee_column="what", description_column="Who|2")
    assert amounts(told) == ["-2.00"]
    assert told.decisions["amount_column"] == "3"
    assert (told.rows[0].payee, told.rows[0].description) == ("Food", "Shop 1.00")
    assert told.decisions["description_column"] == "Who|Amount"


@pytest.mark.parametrize("name", ["Pay|ee", "Pay\tee", "x" * 101])
def test_a_column_whose_name_is_no_good_option_is_named_by_its_number(name: str) -> None:
    statement = read(f'Date,"{name}",Amount\n2020-01-31,Shop,-1\n')
    assert statement.decisions["payee_column"] == "2"


def test_a_column_can_be_told_away() -> None:
    text = "Date,Name,Memo,Balance,Amount\n2020-01-31,Shop,Food,5.00,-1\n"
    statement = read(text, payee_column="", balance_column="")
    assert statement.closing_balance is None
    assert statement.rows[0].payee == "Food"


def test_without_dates_or_amounts_a_column_is_asked_for() -> None:
    assert refused("Date,Amount\n,5.00\n").code == "no_date_column"
    assert refused("Date,Amount\n2020-01-31,\n").code == "no_amount_column"


# Amounts and signs --------------------------------------------------------------------------


def test_debit_and_credit_columns_whatever_sign_is_in_the_debit_column() -> None:
    text = (
        "Date,Debit,Credit\n2020-01-30,5.00,\n2020-01-31,-6.00,\n2020-02-01,,7.00\n"
        "2020-02-02,1.00,9.00\n2020-02-03,0.00,3.00\n2020-02-04,,\n2020-02-05,x,\n"
    )
    statement = read(text)
    assert amounts(statement) == ["-5.00", "-6.00", "7.00", "8.00", "3.00", "None", "None"]
    assert problems(statement)[-2:] == [["missing_amount"], ["bad_amount"]]


def test_a_month_without_income_still_has_its_column_of_deposits() -> None:
    statement = read("Date,Withdrawal,Deposit\n2020-01-31,5.00,\n")
    assert amounts(statement) == ["-5.00"]
    assert statement.decisions["credit_column"] == "Deposit"


@pytest.mark.parametrize(
    ("name", "out", "into"),
    [
        ("Debit/Credit", "debit", "credit"),
        ("DR/CR", "DR", "CR"),
        ("D/C", "D", "C"),
        ("+/-", "-", "+"),
        ("Soll/Haben", "S", "H"),
        ("Type", "Soll", "Haben"),
        ("Af Bij", "Af", "Bij"),
        ("Sens", "Débit", "Crédit"),
        ("Obciążenie lub uznanie", "Obciążenie", "Uznanie"),
    ],
)
def test_a_sign_in_its_own_column(name: str, out: str, into: str) -> None:
    text = f"Date,Amount,{name}\n2020-01-31,5.00,{out}\n2020-02-01,6.00,{into}\n"
    statement = read(text)
    assert amounts(statement) == ["-5.00", "6.00"]
    assert statement.decisions["sign_column"] == name
    assert statement.warnings == []


def test_amounts_that_are_signed_already_are_not_turned_again() -> None:
    text = "Date,Amount,Type\n2020-01-31,-5.00,debit\n2020-02-01,6.00,credit\n"
    statement = read(text)
    assert amounts(statement) == ["-5.00", "6.00"]
    assert statement.decisions["sign_column"] is None


def test_a_reversed_debit_comes_in_and_is_told() -> None:
    text = (
        "Date,Amount,Type\n2020-01-30,5.00,debit\n2020-01-31,6.00,debit\n2020-02-01,-6.00,debit\n"
    )
    statement = read(text)
    assert amounts(statement) == ["-5.00", "-6.00", "6.00"]
    assert "reversals" in statement.warnings[0]


def test_a_row_whose_sign_is_not_said_is_a_problem() -> None:
    rows = "".join(f"2020-01-{day},5.00,debit\n" for day in range(10, 20))
    assert problems(read(f"Date,Amount,Type\n{rows}2020-02-01,6.00,\n"))[-1] == ["bad_sign"]


def test_purchases_of_a_card_are_money_out() -> None:
    text = "Merchant,Card No.,Date,Amount\nShop,*1,01/31/2020,5.00\nMill,*2,02/01/2020,6.00\n"
    statement = read(text)
    assert amounts(statement) == ["-5.00", "-6.00"]
    assert statement.decisions["invert_sign"] is True
    assert "invert_sign" in statement.warnings[0]
    assert amounts(read(text, invert_sign="false")) == ["5.00", "6.00"]


def test_only_positive_amounts_stay_so_with_a_warning() -> None:
    text = "Date,Payee,Amount\n2020-01-31,Shop,5.00\n"
    assert amounts(read(text)) == ["5.00"]
    assert "invert_sign" in read(text).warnings[0]
    told = read(text, invert_sign="true")
    assert (amounts(told), told.warnings) == (["-5.00"], [])


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("1.23456", "too_precise"),
        ("100000000000001", "out_of_range"),
        ("-100000000000000.01", "out_of_range"),
        ("five", "bad_amount"),
        ("", "missing_amount"),
    ],
)
def test_a_row_with_a_wrong_amount_is_kept_with_its_problem(cell: str, code: str) -> None:
    statement = read(f"Date,Payee,Amount\n2020-01-31,Shop,{cell}\n2020-02-01,Mill,-2.00\n")
    assert problems(statement) == [[code], []]
    row = statement.rows[0]
    assert (row.line, row.date, row.amount, row.payee) == (2, None, None, "Shop")
    assert row.problems[0].field == "amount"
    assert not cell or cell not in row.problems[0].detail


def test_a_difference_of_two_columns_can_be_out_of_range_too() -> None:
    text = f"Date,Debit,Credit\n2020-01-31,-{10**14},-{10**14}\n"
    assert problems(read(text)) == [["out_of_range"]]


def test_the_decimal_mark_is_one_for_the_file() -> None:
    text = "Datum;Betrag\n31.01.2020;1.234\n01.02.2020;-5,50\n02.02.2020;6.50\n03.02.2020;7,25\n"
    statement = read(text)
    assert amounts(statement) == ["1234", "-5.50", "None", "7.25"]
    assert problems(statement)[2] == ["bad_amount"]
    assert read(text, decimal_mark=".").decisions["decimal_mark"] == "."


# Dates --------------------------------------------------------------------------------------


def test_a_day_that_does_not_exist_is_a_problem_and_never_a_guess() -> None:
    text = (
        "Date,Amount\n31/01/2019,-1\n30/02/2019,-2\n29/02/2019,-3\n29/02/2020,-4\n,-5\n1/1/20,6\n"
    )
    assert problems(read(text)) == [[], ["bad_date"], ["bad_date"], [], ["missing_date"], []]


def test_ambiguous_dates_are_told_and_can_be_overridden() -> None:
    text = "Date,Amount\n02/01/2020,-1\n03/04/2020,-2\n"
    statement = read(text)
    assert statement.decisions["date_format"] == "%d/%m/%Y"
    assert "%m/%d/%Y" in statement.warnings[0]
    told = read(text, date_format="%m/%d/%Y")
    assert [str(row.date) for row in told.rows] == ["2020-02-01", "2020-03-04"]
    assert told.warnings == []


# Texts --------------------------------------------------------------------------------------


def test_an_empty_payee_falls_back_to_the_description() -> None:
    text = "Date,Name,Memo,Amount\n2020-01-31,,Rent May,-5\n2020-02-01,,,-6\n2020-02-02,A,,7\n"
    assert [row.payee for row in read(text).rows] == ["Rent May", "", "A"]


def test_control_characters_become_spaces() -> None:
    text = 'Date,Name,Amount\n2020-01-31,"a\0b\x07\nc\td",-5\n'
    assert read(text).rows[0].payee == "a b c d"


def test_long_texts_are_cut_with_a_warning_and_endless_ones_are_a_problem() -> None:
    text = f"Date,Name,Amount\n2020-01-31,{'x' * 501},-5\n2020-02-01,{'y' * 10_001},-5\n"
    statement = read(text)
    assert len(statement.rows[0].payee) == 500
    assert problems(statement) == [[], ["cell_too_long"]]
    assert "500 characters" in statement.warnings[0]


def test_check_numbers_go_to_the_notes_and_only_bank_ids_to_the_external_id() -> None:
    text = "Date,Check Number,Transaction ID,Notes,Amount\n2020-01-31,558,T1,mine,-5\n"
    [row] = read(text).rows
    assert (row.notes, row.external_id) == ("mine Check 558", "T1")


def test_a_category_is_kept() -> None:
    assert read("Date,Category,Amount\n2020-01-31,Food,-5\n").rows[0].category == "Food"


# Currency, accounts, balance ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("Date,Amount,Currency\n2020-01-31,-5,usd\n", "USD"),
        ("Date,Amount (EUR)\n2020-01-31,-5\n", "EUR"),
        ("Datum;Betrag in EUR\n31.01.2020;-5,00\n", "EUR"),
        ("Date,Amount\n2020-01-31,-£5.00\n", "GBP"),
        ("Date,Amount\n2020-01-31,-$5.00\n", None),
        ("Date,Amount\n2020-01-31,-5.00\n", None),
    ],
)
def test_the_currency_is_what_the_file_names(text: str, currency: str | None) -> None:
    assert read(text).currency == currency


def test_rows_in_another_currency_than_most_are_a_problem() -> None:
    text = "Date,Amount,Currency\n2020-01-30,-5,EUR\n2020-01-31,-6,USD\n2020-02-01,-7,EUR\n"
    statement = read(text)
    assert problems(statement) == [[], ["other_currency"], []]
    assert statement.currency == "EUR"


ACCOUNTS = "Date,Account,Amount,Balance\n2020-01-31,A,-5,95\n2020-01-31,B,-6,10\n"


def test_several_accounts_are_told_and_have_no_common_balance() -> None:
    statement = read(ACCOUNTS)
    assert "2 accounts" in statement.warnings[0]
    assert statement.closing_balance is None


def test_one_of_several_accounts_can_be_taken() -> None:
    statement = read(ACCOUNTS, only_account="B")
    assert (amounts(statement), statement.closing_balance) == (["-6"], Decimal(10))
    assert statement.warnings == []
    assert refused(ACCOUNTS, only_account="C").option == "only_account"
    assert refused("Date,Amount\n2020-01-31,5\n", only_account="C").option == "only_account"


def test_a_column_with_ever_new_account_numbers_is_the_other_sides() -> None:
    rows = "".join(f"2020-01-{day},DE{day},-5\n" for day in range(10, 20))
    assert read(f"Date,Kontonummer,Amount\n{rows}").decisions["account_column"] is None


# The table's edges --------------------------------------------------------------------------


def test_totals_and_remarks_below_the_table_are_left_out_and_counted() -> None:
    text = "Datum;Text;Betrag\n31.01.2020;Miete;-5,00\nSumme;;-5,00\nSaldo:;;10,00\n*** Ende\n"
    statement = read(text)
    assert amounts(statement) == ["-5.00"]
    assert "3 line(s)" in statement.warnings[0]


def test_a_last_row_that_only_lacks_its_date_is_a_problem_not_a_total() -> None:
    text = "Date,Payee,Amount\n2020-01-31,Shop,-5\n,Mill,-6\n"
    assert problems(read(text)) == [[], ["missing_date"]]


def test_a_total_in_the_midst_of_the_rows_is_shown() -> None:
    text = "Date,Payee,Amount\n2020-01-31,Shop,-5\nTotal,,-5\n2020-02-01,Mill,-6\n"
    assert problems(read(text)) == [[], ["bad_date"], []]


def test_lines_above_a_table_without_a_header_are_counted() -> None:
    assert "2 line(s) above" in read("Bank,of\nX\n2020-01-31,Shop,-5\n").warnings[0]


def test_an_unquoted_delimiter_does_not_shift_values_unseen() -> None:
    text = "Date,Payee,Amount\n2020-01-31,Shop, Inc,-5\n2020-02-01,Mill,-6,\n2020-02-02,Mill\n"
    assert problems(read(text)) == [["too_many_cells", "bad_amount"], [], ["missing_amount"]]


def test_rows_that_a_quote_has_swallowed_are_seen() -> None:
    text = (
        'Date,Payee,Amount,Memo\n2020-01-31,"Shop,-5,x\n2020-02-01,"Mill,-6,y\n2020-02-02,A,-7,z\n'
    )
    assert [codes[:1] for codes in problems(read(text))] == [["unbalanced_quote"], []]


# Options and recognition --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("delimiter", "x"),
        ("header_row", "two"),
        ("header_row", "-1"),
        ("header_row", "9"),
        ("header_row", "9" * 5000),
        ("date_format", "DD.MM.YYYY"),
        ("decimal_mark", "x"),
        ("invert_sign", "perhaps"),
        ("encoding", "klingon"),
        ("date_column", ""),
        ("date_column", "No such"),
        ("amount_column", "0"),
        ("amount_column", "4"),
        ("amount_column", "²"),
        ("description_column", "Payee|No such"),
        ("no_such_option", "1"),
    ],
)
def test_a_wrong_option_is_named(name: str, value: str) -> None:
    error = refused("Date,Payee,Amount\n2020-01-31,Shop,-5\n", **{name: value})
    assert (error.code, error.option) == ("bad_option", name)
    assert len(value) < 5 or value not in error.detail


def test_every_decision_is_an_option_and_every_option_a_decision() -> None:
    statement = read("Date,Payee,Amount\n2020-01-31,Shop,-5\n")
    assert set(statement.decisions) == set(CSV_OPTIONS)


def test_options_override_what_would_be_worked_out() -> None:
    text = "When|How much,all\n01-02-2020|-1,234\n"
    options = {"delimiter": "|", "header_row": "1", "encoding": "ascii", "decimal_mark": ","}
    statement = read(text, **options, date_format="%m-%d-%Y")
    assert amounts(statement) == ["-1.234"]
    assert str(statement.rows[0].date) == "2020-01-02"
    assert {name: str(statement.decisions[name]) for name in options} == options
    tabbed = read("Date\tAmount\n2020-01-31\t-1\n", delimiter="tab")
    assert tabbed.decisions["delimiter"] == "\t"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%PDF-1.7,",
        b"OFXHEADER:100,",
        b"<?xml version='1.0'?><a>1,2</a>",
        b"!Type:Bank\nD1/2'20\nT1,234.00\n",
        b'[{"a": 1, "b": 2}]',
        b'{"a": 1, "b": 2}',
        b"hello world",
        bytes(range(256)) * 40,
    ],
)
def test_other_formats_are_not_recognised(content: bytes) -> None:
    assert not CsvImporter().recognises(StatementFile(content))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_text_with_delimiters_is_recognised_in_any_encoding_and_length(encoding: str) -> None:
    text = "Datum;Empfänger;Betrag\n" + "31.01.2020;Bäckerei Müller;-1,00\n" * 1000
    for start in range(4):
        content = ("x" * start + text).encode(encoding)
        assert CsvImporter().recognises(StatementFile(content))
