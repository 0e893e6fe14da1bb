"""What a statement itself says of its rows decides what is booked, or is asked for."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from nestegg_core.application import Runtime
from nestegg_core.contracts.importers import (
    Question,
    Statement,
    StatementFile,
    StatementRow,
)
from nestegg_core.importers.select import Importers
from nestegg_core.ledger.imports import Upload
from support.household import Household
from support.statements import booked, codes, counts, csv, problem, rows

QUESTION = Question("date_format", {"%d/%m/%Y": "3 April", "%m/%d/%Y": "4 March"}, "All fit.", [2])


def row(line: int, amount: str, **more: Any) -> StatementRow:
    return StatementRow(line, date(2026, 1, line), Decimal(amount), f"Shop {line}", **more)


def previewed(
    runtime: Runtime, household: Household, account: dict[str, Any], statement: Statement
) -> dict[str, Any]:
    """Preview what an importer has read, and return what the API shows."""
    upload = Upload("made", "", statement, uuid4())
    with runtime.storage.transaction(UUID(household.org_id), write=True) as tx:
        made = runtime.imports.preview(tx, UUID(account["id"]), upload)
    shown: dict[str, Any] = household.get(f"imports/{made['id']}").json
    return shown


def test_rows_that_the_bank_holds_back_are_shown_and_not_booked(
    runtime: Runtime, household: Household
) -> None:
    account = household.account()
    statement = Statement(
        {}, [row(1, "-1"), row(2, "-2", status="pending"), row(3, "-3", status="reverted")]
    )
    made = previewed(runtime, household, account, statement)
    assert made["counts"] == counts(new=1, pending=1, reverted=1)
    assert made["balance_after"] == "-1.00"
    assert [one["status"] for one in rows(household, made)] == ["new", "pending", "reverted"]
    assert [one["line"] for one in rows(household, made, status="pending")] == [2]
    assert household.post(f"imports/{made['id']}/commit").status_code == 200
    assert [one["amount"] for one in booked(household, account)] == ["-1.00"]


def test_a_row_that_was_pending_is_new_when_it_comes_as_booked(
    runtime: Runtime, household: Household
) -> None:
    account = household.account()
    for status, expected in (("pending", counts(pending=1)), ("booked", counts(new=1))):
        made = previewed(runtime, household, account, Statement({}, [row(1, "-1", status=status)]))
        assert made["counts"] == expected
        assert household.post(f"imports/{made['id']}/commit").status_code == 200


def test_a_row_in_another_currency_than_the_account_is_an_error(
    runtime: Runtime, household: Household
) -> None:
    account = household.account(currency="EUR")
    statement = Statement({}, [row(1, "-1", currency="EUR"), row(2, "-2", currency="USD")])
    made = previewed(runtime, household, account, statement)
    assert made["counts"] == counts(new=1, error=1)
    assert [[one["code"] for one in each["problems"]] for each in rows(household, made)] == [
        [],
        ["other_currency"],
    ]
    assert household.post(f"imports/{made['id']}/commit").status_code == 200
    assert household.balance(account) == "-1.00"


def test_an_open_question_is_shown_and_keeps_everything_from_being_booked(
    runtime: Runtime, household: Household
) -> None:
    account = household.account()
    made = previewed(
        runtime, household, account, Statement({}, [row(1, "-1")], questions=[QUESTION])
    )
    assert made["questions"] == [
        {
            "decision": "date_format",
            "choices": dict(QUESTION.choices),
            "evidence": "All fit.",
            "rows": [2],
        }
    ]
    answer = household.post(f"imports/{made['id']}/commit")
    assert problem(answer) == (409, "import-unanswered")
    assert "`date_format`" in answer.json["detail"]
    assert booked(household, account) == []


def test_a_file_that_leaves_nothing_open_asks_nothing(household: Household) -> None:
    answer = household.upload(household.account(), csv("2026-01-05,Baker,-3.00"))
    assert answer.json["questions"] == []


def test_an_account_is_asked_for_only_where_a_file_names_some(household: Household) -> None:
    answer = household.call(
        "POST",
        "imports",
        params={"account_id": household.account()["id"], "account": "2051"},
        body=csv("2026-01-05,Baker,-3.00"),
        headers={"Content-Type": "text/csv"},
    )
    assert problem(answer) == (422, "statement")
    assert codes(answer) == ["bad_option"]


def test_importers_do_not_see_which_account_is_taken() -> None:
    seen: list[Mapping[str, str]] = []

    class Reader:
        def recognises(self, file: StatementFile) -> bool:
            return bool(file.content)

        def read(self, file: StatementFile, options: Mapping[str, str]) -> Statement:
            del file
            seen.append(options)
            return Statement({}, [])

    importers = Importers({"made": Reader()}, [{"mark": "The mark."}])
    assert set(importers.options) == {"account", "mark"}
    importers.read(StatementFile(b"x"), {"mark": "."})
    assert seen == [{"mark": "."}]
