"""Imports: previewed, committed whole, never twice, and taken out again."""

from falcon.testing import Result

from support.household import Household
from support.statements import (
    HEADER,
    booked,
    commit,
    counts,
    csv,
    preview,
    problem,
    rows,
    statuses,
)

COFFEE, RENT = "2026-01-05,Café,-3.00", "2026-01-06,Landlord,-900.00"


def test_a_preview_tells_what_each_row_is_and_books_nothing(household: Household) -> None:
    account = household.account(opening_balance="1000.00", opening_date="2026-01-01")
    bad_rows = ("2025-12-31,Early,-1.00", "2026-02-30,No such day,-1.00", "2026-01-07,Bad,abc")
    made = preview(household, account, csv(COFFEE, RENT, *bad_rows))
    assert made["status"] == "previewed"
    assert made["counts"] == counts(new=2, error=3)
    assert made["balance_after"] == "97.00"
    assert made["importer"] == "csv"
    items = rows(household, made)
    assert [(item["line"], item["status"]) for item in items] == [
        (2, "new"),
        (3, "new"),
        (4, "error"),
        (5, "error"),
        (6, "error"),
    ]
    assert [[one["code"] for one in item["problems"]] for item in items] == [
        [],
        [],
        ["before_opening"],
        ["bad_date"],
        ["bad_amount"],
    ]
    assert booked(household, account) == []
    assert household.balance(account) == "1000.00"


def test_a_preview_tells_what_was_decided_for_the_file(household: Household) -> None:
    file = "Buchungstag;Empfänger;Betrag\n31.01.2026;Bäcker;-1.234,50\n".encode("cp1252")
    made = preview(household, household.account(), file)
    decisions = made["decisions"]
    assert decisions["encoding"] == "cp1252"
    assert (decisions["delimiter"], decisions["header_row"]) == (";", 1)
    assert (decisions["decimal_mark"], decisions["date_format"]) == (",", "%d.%m.%Y")
    assert (decisions["date_column"], decisions["amount_column"]) == ("Buchungstag", "Betrag")
    [row] = rows(household, made)
    assert (row["date"], row["amount"], row["payee"]) == ("2026-01-31", "-1234.50", "Bäcker")


def test_rows_come_in_pages_and_by_status(household: Household) -> None:
    account = household.account()
    commit(household, account, csv(COFFEE))
    made = preview(household, account, csv(COFFEE, RENT, "nonsense,x,-1.00"))
    path = f"imports/{made['id']}/rows"
    lines, cursor = [], None
    while True:
        page = household.get(path, limit=1, **({"cursor": cursor} if cursor else {})).json
        lines += [item["line"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert lines == [2, 3, 4]
    for line, status in ((2, "duplicate"), (3, "new"), (4, "error")):
        assert [item["line"] for item in rows(household, made, status=status)] == [line]


def test_a_commit_books_the_new_rows_and_moves_the_balance(household: Household) -> None:
    account = household.account(opening_balance="1000.00")
    made = commit(household, account, csv(COFFEE, RENT, "nonsense,x,-1.00"))
    assert made["status"] == "committed"
    assert household.balance(account) == "97.00"
    shown = [(one["date"], one["payee"], one["amount"]) for one in booked(household, account)]
    assert shown == [("2026-01-06", "Landlord", "-900.00"), ("2026-01-05", "Café", "-3.00")]
    assert {one["import_id"] for one in booked(household, account)} == {made["id"]}


def test_every_value_of_a_row_is_kept(household: Household) -> None:
    account = household.account()
    category = household.post("categories", name="Eating  OUT late").json
    row = "2026-01-05,Café,-3.00,Espresso,eating out LATE,with Ada,B-77,97.00"
    commit(household, account, csv(row, header=HEADER))
    [listed] = booked(household, account)
    one = household.get(f"transactions/{listed['id']}").json
    assert (one["payee"], one["description"]) == ("Café", "Espresso")
    assert (one["external_id"], one["notes"], one["status"]) == ("B-77", "with Ada", "posted")
    assert one["category_id"] == category["id"]


def test_a_category_that_nobody_has_is_left_open(household: Household) -> None:
    account = household.account()
    commit(household, account, csv("2026-01-05,Café,-3.00,,Unheard of,,,", header=HEADER))
    assert booked(household, account)[0]["category_id"] is None


def test_the_same_file_a_second_time_adds_nothing(household: Household) -> None:
    account = household.account()
    for expected in ({"new": 2, "duplicate": 0}, {"new": 0, "duplicate": 2}):
        made = commit(household, account, csv(COFFEE, RENT))
        assert made["counts"] == counts(**expected)
    assert household.balance(account) == "-903.00"


def test_equal_rows_of_a_file_are_as_many_transactions(household: Household) -> None:
    account = household.account()
    made = commit(household, account, csv(COFFEE, COFFEE))
    assert made["counts"] == counts(new=2)
    assert household.balance(account) == "-6.00"


def test_of_n_equal_rows_those_beyond_the_m_stored_are_new(household: Household) -> None:
    account = household.account()
    commit(household, account, csv(COFFEE, COFFEE))
    made = preview(household, account, csv(*[COFFEE] * 5, RENT))
    assert made["counts"] == counts(new=4, duplicate=2)
    assert statuses(rows(household, made)) == ["duplicate"] * 2 + ["new"] * 4


def test_fewer_equal_rows_than_are_stored_are_all_duplicates(household: Household) -> None:
    account = household.account()
    commit(household, account, csv(COFFEE, COFFEE, COFFEE))
    assert preview(household, account, csv(COFFEE))["counts"]["duplicate"] == 1


def test_each_account_has_rows_of_its_own(household: Household) -> None:
    first, second = household.account(), household.account()
    commit(household, first, csv(COFFEE))
    assert preview(household, second, csv(COFFEE))["counts"]["new"] == 1


def test_an_edited_transaction_does_not_become_new_again(household: Household) -> None:
    account = household.account()
    commit(household, account, csv(COFFEE))
    [one] = booked(household, account)
    changes = {"payee": "The corner café", "amount": "-3.50", "date": "2026-01-08"}
    assert household.patch(f"transactions/{one['id']}", 1, **changes).status_code == 200
    assert preview(household, account, csv(COFFEE))["counts"]["duplicate"] == 1


def test_a_deleted_transaction_is_new_again(household: Household) -> None:
    account = household.account()
    commit(household, account, csv(COFFEE))
    [one] = booked(household, account)
    assert household.delete(f"transactions/{one['id']}", 1).status_code == 204
    assert preview(household, account, csv(COFFEE))["counts"]["new"] == 1


def test_a_transaction_made_by_hand_is_no_row_of_a_statement(household: Household) -> None:
    account = household.account()
    household.transaction(account, "-3.00", date="2026-01-05", payee="Café")
    assert preview(household, account, csv(COFFEE))["counts"]["new"] == 1


def test_a_revert_gives_the_old_balance_and_makes_the_rows_new_again(household: Household) -> None:
    account = household.account(opening_balance="10.00")
    kept = household.transaction(account, "5.00")
    made = commit(household, account, csv(COFFEE, RENT))
    answer = household.post(f"imports/{made['id']}/revert")
    assert (answer.status_code, answer.json["status"]) == (200, "reverted")
    assert household.balance(account) == "15.00"
    assert [one["id"] for one in booked(household, account)] == [kept["id"]]
    assert preview(household, account, csv(COFFEE, RENT))["counts"]["new"] == 2


def test_a_revert_leaves_the_duplicates_of_another_import_alone(household: Household) -> None:
    account = household.account()
    commit(household, account, csv(COFFEE))
    made = commit(household, account, csv(COFFEE, RENT))
    assert household.post(f"imports/{made['id']}/revert").status_code == 200
    assert [one["payee"] for one in booked(household, account)] == ["Café"]


def test_an_import_without_a_new_row_is_committed_and_reverted_all_the_same(
    household: Household,
) -> None:
    account = household.account()
    commit(household, account, csv(COFFEE))
    made = commit(household, account, csv(COFFEE))
    assert household.post(f"imports/{made['id']}/revert").json["status"] == "reverted"
    assert household.balance(account) == "-3.00"


def test_the_statements_own_balance_is_compared_and_a_difference_told(
    household: Household,
) -> None:
    account = household.account(opening_balance="100.00")
    with_balance = "2026-01-05,Café,-3.00,,,,,{}"
    for stated, difference in (("97.00", "0.00"), ("90.00", "7.00"), ("100.00", "-3.00")):
        file = csv(with_balance.format(stated), header=HEADER)
        assert preview(household, account, file)["reconciliation"] == {
            "statement_balance": stated,
            "difference": difference,
        }
    assert preview(household, account, csv(COFFEE))["reconciliation"] is None


def test_what_was_booked_meanwhile_counts_when_the_import_is_committed(
    household: Household,
) -> None:
    account = household.account(opening_balance="100.00")
    file = csv("2026-01-05,Café,-3.00,,,,,97.00", header=HEADER)
    made = preview(household, account, file)
    household.transaction(account, "-7.00")
    committed = household.post(f"imports/{made['id']}/commit").json
    assert committed["balance_after"] == household.balance(account) == "90.00"
    assert committed["reconciliation"] == {"statement_balance": "97.00", "difference": "-7.00"}


def test_imports_are_listed_newest_first_and_forgotten_on_request(household: Household) -> None:
    account = household.account()
    first, second = (preview(household, account, csv(row)) for row in (COFFEE, RENT))
    listed = household.get("imports").json["items"]
    assert [one["id"] for one in listed] == [second["id"], first["id"]]
    assert household.delete(f"imports/{first['id']}", 1).status_code == 204
    assert [one["id"] for one in household.get("imports").json["items"]] == [second["id"]]
    assert household.get(f"imports/{first['id']}/rows").status_code == 404


def test_a_committed_import_is_kept_until_it_is_reverted(household: Household) -> None:
    account = household.account()
    made = commit(household, account, csv(COFFEE))
    refused: Result = household.delete(f"imports/{made['id']}", made["version"])
    assert problem(refused) == (409, "import-committed")
    reverted = household.post(f"imports/{made['id']}/revert").json
    assert household.delete(f"imports/{made['id']}", reverted["version"]).status_code == 204
