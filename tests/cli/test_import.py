"""`nestegg import`: a file in, transactions out, or nothing at all."""

import json
import os
import pty
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support.command_line import NESTEGG, PATIENCE, CommandLine, environ
from support.household import Household
from support.statements import counts

STATEMENT = "Date,Payee,Amount\n2026-03-13,Bakery,-2.50\n2026-03-14,Employer,1000.00\n"
DOUBTFUL = "Date,Payee,Amount\n2026-03-13,Bakery,2.50\n2026-03-14,Grocer,10.00\n"
HALF_BAD = "Date,Payee,Amount\n2026-03-13,Bakery,-2.50\n2026-02-30,Grocer,-10.00\n"


@pytest.fixture
def account(household: Household) -> dict[str, Any]:
    return household.account(opening_balance="100.00")


def written(text: str) -> str:
    path = Path("march.csv")
    path.write_text(text)
    return str(path)


def test_new_rows_are_booked_once(
    nestegg: CommandLine, household: Household, account: dict[str, Any]
) -> None:
    first = nestegg("import", written(STATEMENT), "--account", account["id"])
    again = nestegg("import", written(STATEMENT), "--account", account["id"])

    assert (first.exit_code, again.exit_code) == (0, 0), first.output + again.output
    assert "Imported 2 new rows." in first.stdout
    assert "Nothing to import" in again.stdout
    assert household.balance(account) == "1097.50"
    assert len(household.get("imports").json["items"]) == 1


def test_the_summary_tells_what_was_decided(nestegg: CommandLine, account: dict[str, Any]) -> None:
    told = nestegg("import", written(STATEMENT), "--account", account["id"]).stdout

    assert "march.csv for Checking: 2 new, 0 known already, 0 with errors" in told
    assert "date_format" in told
    assert "%Y-%m-%d" in told
    assert "Balance afterwards: 1097.50 EUR" in told


def test_a_dry_run_leaves_nothing_behind(
    nestegg: CommandLine, household: Household, account: dict[str, Any]
) -> None:
    result = nestegg("import", written(STATEMENT), "--account", account["id"], "--dry-run")

    assert result.exit_code == 0
    assert "Would import 2 new rows." in result.stdout
    assert household.balance(account) == "100.00"
    assert household.get("imports").json["items"] == []


@pytest.mark.parametrize(
    ("text", "told", "balance"),
    [
        (DOUBTFUL, "Warning: Every amount is positive", "112.50"),
        (HALF_BAD, "3     date: ", "97.50"),
    ],
)
def test_doubts_refuse_the_import_where_nobody_can_be_asked(
    *,
    nestegg: CommandLine,
    household: Household,
    account: dict[str, Any],
    text: str,
    told: str,
    balance: str,
) -> None:
    refused = nestegg("import", written(text), "--account", account["id"])

    assert refused.exit_code == 1
    assert told in refused.stdout
    assert "--yes" in refused.stderr
    assert household.balance(account) == "100.00"
    assert household.get("imports").json["items"] == []

    assert nestegg("import", written(text), "--account", account["id"], "--yes").exit_code == 0
    assert household.balance(account) == balance


def test_the_answer_in_json_has_counts_and_bad_rows(
    nestegg: CommandLine, account: dict[str, Any]
) -> None:
    result = nestegg("import", written(HALF_BAD), "--account", account["id"], "--json")

    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert answer["counts"] == counts(new=1, error=1)
    assert answer["result"] == "refused"
    (row,) = answer["error_rows"]
    assert row["line"] == 3
    assert [problem["field"] for problem in row["problems"]] == ["date"]


def test_a_decision_can_be_overridden(
    nestegg: CommandLine, household: Household, account: dict[str, Any]
) -> None:
    options = ("--account", account["id"], "--option", "invert_sign=true", "--yes")

    assert nestegg("import", written(DOUBTFUL), *options).exit_code == 0
    assert household.balance(account) == "87.50"


@pytest.mark.parametrize("option", ["decimal=,", "decimal_mark=x", "no equals sign", "=x"])
def test_an_option_that_is_not_understood_is_an_error_of_usage(
    nestegg: CommandLine, account: dict[str, Any], option: str
) -> None:
    result = nestegg("import", written(STATEMENT), "--account", account["id"], "--option", option)

    assert result.exit_code == 2
    assert "--option" in result.stderr


def test_the_statement_may_come_from_the_input(
    nestegg: CommandLine, household: Household, account: dict[str, Any]
) -> None:
    assert nestegg("import", "-", "--account", account["id"], typed=STATEMENT).exit_code == 0
    assert household.balance(account) == "1097.50"


def test_what_is_no_statement_is_refused_without_a_traceback(
    nestegg: CommandLine, account: dict[str, Any]
) -> None:
    Path("photo.csv").write_bytes(bytes(range(256)) * 8)

    result = nestegg("import", "photo.csv", "--account", account["id"])

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.output


def test_an_account_is_looked_for_in_the_organization_that_is_named(
    nestegg: CommandLine, household: Household, stranger: Household, account: dict[str, Any]
) -> None:
    place = ("import", written(STATEMENT), "--account", account["id"], "--organization")

    elsewhere = nestegg(*place, stranger.org_id)

    assert elsewhere.exit_code == 1
    assert "no account of this id in this organization" in elsewhere.stderr
    assert household.balance(account) == "100.00"
    assert nestegg(*place, household.org_id).exit_code == 0


def test_an_unknown_account_is_refused(nestegg: CommandLine, household: Household) -> None:
    result = nestegg("import", written(STATEMENT), "--account", household.org_id)

    assert result.exit_code == 1
    assert "There is no account of this id in any organization." in result.stderr


UNSURE = "!Type:Bank\nD03/04/2026\nT-8.20\nPCinema\n^\n"


def test_an_open_question_refuses_the_import_and_is_answered_with_an_option(
    nestegg: CommandLine, household: Household, account: dict[str, Any]
) -> None:
    command = ("import", written(UNSURE), "--account", account["id"])

    refused = nestegg(*command, "--yes")
    assert refused.exit_code == 1
    assert "Question: Every date fits" in refused.stdout
    assert "date_format=%d/%m/%Y or date_format=%m/%d/%Y" in refused.stderr
    assert household.get("imports").json["items"] == []

    told = nestegg(*command, "--option", "date_format=%m/%d/%Y")
    assert told.exit_code == 0, told.output
    assert household.balance(account) == "91.80"


SEVERAL = "!Account\nN{}\n^\n!Type:Bank\nD13/04/2026\nT-8.20\n^\n"


def test_one_account_of_several_is_picked_with_an_option(
    nestegg: CommandLine, household: Household, account: dict[str, Any]
) -> None:
    command = ("import", written(SEVERAL.format("Giro") + SEVERAL.format("Purse")))

    refused = nestegg(*command, "--account", account["id"])
    assert refused.exit_code == 2
    assert "`Giro`, `Purse`" in " ".join(refused.stderr.split())

    told = nestegg(*command, "--account", account["id"], "--option", "account=Purse")
    assert told.exit_code == 0, told.output
    assert household.balance(account) == "91.80"


@pytest.mark.parametrize(("answer", "balance", "code"), [("y", "112.50", 0), ("n", "100.00", 1)])
def test_at_a_terminal_doubts_are_asked_about(
    *,
    variables: Mapping[str, str],
    household: Household,
    account: dict[str, Any],
    answer: str,
    balance: str,
    code: int,
) -> None:
    arguments = ["import", written(DOUBTFUL), "--account", account["id"]]

    assert at_a_terminal(arguments, variables, f"{answer}\n") == code
    assert household.balance(account) == balance


def at_a_terminal(arguments: list[str], variables: Mapping[str, str], typed: str) -> int:
    """Run a command at a terminal at which somebody has typed ahead; return its exit code."""
    user, terminal = pty.openpty()
    try:
        os.write(user, typed.encode())
        done = subprocess.run(
            [NESTEGG, *arguments],
            stdin=terminal,
            capture_output=True,
            env=environ(variables),
            timeout=PATIENCE,
            check=False,
        )
    finally:
        os.close(user)
        os.close(terminal)
    return done.returncode
