from datetime import date

import pytest

from nestegg_core import StatementError
from nestegg_core.importers.csv.dates import (
    choose_format,
    looks_like_date,
    parse_format,
    read_date,
)


@pytest.mark.parametrize(
    ("cell", "order", "day"),
    [
        ("2019-04-19", "ymd", "2019-04-19"),
        ("2019.04.19.", "ymd", "2019-04-19"),
        ("20190419", "ymd", "2019-04-19"),
        ("19042019", "dmy", "2019-04-19"),
        ("2021-02-03 13:12", "ymd", "2021-02-03"),
        ("2021-02-03T13:12:00.123Z", "ymd", "2021-02-03"),
        ("01/10/2019 06:50 PM", "mdy", "2019-01-10"),
        ("31.12.2019", "dmy", "2019-12-31"),
        ("27. 02. 2018", "dmy", "2018-02-27"),
        ("27. 02.2018", "dmy", "2018-02-27"),
        ("27 Feb 2018", "dmy", "2018-02-27"),
        ("23-Jan-15", "dmy", "2015-01-23"),
        ("Feb 27, 2018", "mdy", "2018-02-27"),
        ("27. März 2018", "dmy", "2018-03-27"),
        ("27 févr. 2018", "dmy", "2018-02-27"),
        ("5 października 2020", "dmy", "2020-10-05"),
        ("9/ 9'99", "mdy", "1999-09-09"),
        ("2/8/15", "mdy", "2015-02-08"),
        ("1/1/68", "mdy", "2068-01-01"),
        ("1/1/69", "mdy", "1969-01-01"),
        ("29.02.2016", "dmy", "2016-02-29"),
    ],
)
def test_a_date_is_read_in_the_order_of_the_file(cell: str, order: str, day: str) -> None:
    assert read_date(cell, order) == date.fromisoformat(day)


@pytest.mark.parametrize(
    ("cell", "order"),
    [
        ("30.02.2019", "dmy"),
        ("29.02.2019", "dmy"),
        ("13/25/2019", "dmy"),
        ("12/25/2019", "dmy"),
        ("2019-13-01", "ymd"),
        ("0001-01-01", "ymd"),
        ("1.2.3", "dmy"),
        ("27 Foo 2018", "dmy"),
        ("²²² 1 2018", "mdy"),
        ("pending", "ymd"),
        ("", "ymd"),
        ("1" * 1000, "ymd"),
    ],
)
def test_what_is_not_in_the_calendar_is_never_guessed(cell: str, order: str) -> None:
    assert read_date(cell, order) is None


@pytest.mark.parametrize("cell", ["12.34", "1,234.56", "1.234.567", "12345", "10:20", "Foo"])
def test_amounts_and_words_do_not_look_like_dates(cell: str) -> None:
    assert not looks_like_date(cell)


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        (["02/03/2020", "25/03/2020"], "%d/%m/%Y"),
        (["02/03/2020", "03/25/2020"], "%m/%d/%Y"),
        (["6/12/15", "6/13/15"], "%m/%d/%y"),
        (["1.2.2020", "3.2.2020"], "%d.%m.%Y"),
        (["2019.04.19."], "%Y.%m.%d."),
        (["27 Feb 2018"], "%d %b %Y"),
        (["Feb 27, 2018"], "%b %d, %Y"),
        (["27.\u00a0February\u00a02018"], "%d. %B %Y"),
        (["9/ 9'99", "9/13\u201999"], "%m/%d'%y"),
        (["31-01-15", "01-02-15"], "%d-%m-%y"),
        (["99-01-31", "99-02-01"], "%y-%m-%d"),
        (["05/05/2020", "07/07/2020"], "%d/%m/%Y"),
        (["30/02/2020", "01/02/2020"], "%d/%m/%Y"),
        # Rising only when the month comes first: 3 January, 5 January, 2 February.
        (["01/03/2020", "01/05/2020", "02/02/2020"], "%m/%d/%Y"),
        (["02/02/2020", "01/03/2020", "05/03/2020", "01/04/2020"], "%d/%m/%Y"),
    ],
)
def test_the_order_is_worked_out_from_all_dates(cells: list[str], text: str) -> None:
    chosen, warning = choose_format(cells, day_first=False)
    assert (chosen.text, warning) == (text, "")


def test_the_order_of_the_majority_is_not_moved_by_one_impossible_date() -> None:
    chosen, _ = choose_format(["12/25/2020", "12/26/2020", "31/12/2020"], day_first=True)
    assert chosen.order == "mdy"


def test_dates_that_read_both_ways_are_told_with_both_formats() -> None:
    chosen, warning = choose_format(["01/02/2020", "03/04/2020"], day_first=False)
    assert chosen.text == "%d/%m/%Y"
    assert "%d/%m/%Y" in warning
    assert "%m/%d/%Y" in warning
    assert "date_format" in warning


def test_two_digit_years_on_either_side_are_read_as_the_shorter_time_and_told() -> None:
    chosen, warning = choose_format(["15-01-31", "15-02-01"], day_first=False)
    assert chosen.text == "%y-%m-%d"
    assert "%d-%m-%y" in warning


def test_a_file_with_decimal_commas_has_the_day_first() -> None:
    chosen, warning = choose_format(["01/02/2020", "03/04/2020"], day_first=True)
    assert (chosen.text, warning) == ("%d/%m/%Y", "")


@pytest.mark.parametrize(
    ("text", "order"),
    [("%d.%m.%Y", "dmy"), ("%m/%d/%y %H:%M", "mdy"), ("%Y-%m-%d", "ymd"), ("%d %B %Y", "dmy")],
)
def test_a_date_format_is_read_as_strptime_writes_it(text: str, order: str) -> None:
    assert parse_format(text).order == order


@pytest.mark.parametrize(
    "text", ["", "DD.MM.YYYY", "%d.%m", "%d%d%m%Y", "%Y-%d-%m", "%d" * 999, "%d %m %Y <b>"]
)
def test_another_date_format_is_refused(text: str) -> None:
    with pytest.raises(StatementError) as error:
        parse_format(text)
    assert (error.value.code, error.value.option) == ("bad_option", "date_format")
