from datetime import date
from decimal import Decimal
from itertools import permutations

import pytest

from nestegg_core.importers.csv.importer import Booking, closing_balance

MONDAY, TUESDAY = date(2022, 8, 15), date(2022, 8, 16)


def booking(day: date, amount: int, balance: int) -> Booking:
    return Booking(day, Decimal(amount), Decimal(balance))


DAY = [booking(TUESDAY, -5, 95), booking(TUESDAY, 20, 115), booking(TUESDAY, -1, 114)]


def test_without_balances_there_is_no_closing_balance() -> None:
    assert closing_balance([]) is None


@pytest.mark.parametrize("order", [1, -1])
def test_the_newest_day_counts_in_whatever_order_the_rows_stand(order: int) -> None:
    rows = [booking(MONDAY, 100, 100), booking(TUESDAY, -5, 95)]
    assert closing_balance(rows[::order]) == 95


@pytest.mark.parametrize("rows", list(permutations(DAY)))
def test_on_a_day_of_several_bookings_their_arithmetic_tells_the_last(
    rows: tuple[Booking, ...],
) -> None:
    assert closing_balance(rows) == 114


def test_a_bank_that_gives_each_row_the_balance_of_the_day_is_believed() -> None:
    assert closing_balance([booking(MONDAY, 3, 50), booking(MONDAY, 4, 50)]) == 50


def test_balances_that_contradict_one_another_say_nothing() -> None:
    assert closing_balance([booking(MONDAY, 1, 50), booking(MONDAY, 1, 70)]) is None


def test_a_day_that_ends_where_it_began_is_decided_by_the_order_of_the_other_days() -> None:
    first, last = booking(TUESDAY, -20, 80), booking(TUESDAY, 20, 100)
    before = booking(MONDAY, 100, 100)
    assert closing_balance([before, first, last]) == 100
    assert closing_balance([last, first, before]) == 100
    assert closing_balance([first, last]) is None
    assert closing_balance([first, before, last]) is None
