"""What is uploaded: by form or as a body, with decisions overridden, and what is no statement."""

import json
from typing import Any

import pytest
from falcon.testing import Result

from support.household import Household
from support.statements import booked, codes, csv, preview, problem, rows

COFFEE = "2026-01-05,Café,-3.00"
LIMIT = 10 * 2**20
BOUNDARY = "a-boundary"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(*parts: tuple[str, bytes]) -> dict[str, Any]:
    """Return the body and headers of a form, whose parts are given by disposition and content."""
    body = b""
    for disposition, content in parts:
        kind = "Content-Type: text/csv\r\n" if "filename" in disposition else ""
        head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n{kind}\r\n"
        body += head.encode() + content + b"\r\n"
    return {"body": body + f"--{BOUNDARY}--\r\n".encode(), "headers": FORM}


def send(household: Household, account: dict[str, Any], **arguments: Any) -> Result:
    return household.call("POST", "imports", params={"account_id": account["id"]}, **arguments)


def test_a_form_with_a_file_is_taken(household: Household) -> None:
    account = household.account()
    sent = form(('name="note"', b"hello"), ('name="file"; filename="my bank.csv"', csv(COFFEE)))
    answer = send(household, account, **sent)
    assert answer.status_code == 201, answer.text
    assert answer.json["counts"]["new"] == 1
    assert answer.json["file_name"].endswith("bank.csv")


@pytest.mark.parametrize("name", ["../../etc/passwd.csv", "C:\\temp\\x.csv", "a\tb.csv"])
def test_a_file_name_keeps_nothing_that_a_path_is_made_of(household: Household, name: str) -> None:
    sent = form((f'name="file"; filename="{name}"', csv(COFFEE)))
    answer = send(household, household.account(), **sent)
    assert answer.status_code == 201, answer.text
    assert not set("/\\\t") & set(answer.json["file_name"])


FORMS: list[dict[str, Any]] = [
    form(),
    form(('name="file"', csv(COFFEE))),
    {"body": b"no form at all", "headers": FORM},
    {"body": csv(COFFEE), "headers": {"Content-Type": "multipart/form-data"}},
    {"body": f"--{BOUNDARY}\r\n".encode(), "headers": FORM},
]


@pytest.mark.parametrize("sent", FORMS)
def test_a_form_without_a_file_is_refused(household: Household, sent: dict[str, Any]) -> None:
    answer = send(household, household.account(), **sent)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.json["detail"]
    assert household.get("imports").json["items"] == []


def test_a_statement_in_another_currency_is_refused(household: Household) -> None:
    file = csv("2026-01-05,Café,-3.00,USD", header="Date,Payee,Amount,Currency")
    answer = household.upload(household.account(currency="EUR"), file)
    assert (answer.status_code, codes(answer)) == (422, ["other_currency"])


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"date_format": "%m/%d/%Y"}, ("2026-03-02", "1234.00")),
        ({"date_format": "%d/%m/%Y"}, ("2026-02-03", "1234.00")),
        ({"date_column": "Value date"}, ("2026-05-24", "1234.00")),
        ({"date_column": "2", "amount_column": "5"}, ("2026-05-24", "7.00")),
        ({"date_column": "2", "decimal_mark": ","}, ("2026-05-24", "1.234")),
        ({"date_column": "2", "invert_sign": "true"}, ("2026-05-24", "-1234.00")),
        ({"date_column": "2", "importer": "csv"}, ("2026-05-24", "1234.00")),
    ],
)
def test_decisions_are_overridden_by_parameters(
    household: Household, params: dict[str, str], expected: tuple[str, str]
) -> None:
    header = "Date,Value date,Payee,Amount,Other"
    file = csv('03/02/2026,05/24/2026,Café,"1,234",7', header=header)
    made = preview(household, household.account(), file, **params)
    [row] = rows(household, made)
    assert (row["date"], row["amount"]) == expected


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"date_format": "nonsense"}, "date_format"),
        ({"decimal_mark": "x"}, "decimal_mark"),
        ({"delimiter": "xx"}, "delimiter"),
        ({"encoding": "klingon"}, "encoding"),
        ({"date_column": "Nowhere"}, "date_column"),
        ({"amount_column": "99"}, "amount_column"),
        ({"header_row": "-1"}, "header_row"),
        ({"invert_sign": "perhaps"}, "invert_sign"),
        ({"only_account": "Nobody's"}, "only_account"),
        ({"importer": "of-nobody"}, "importer"),
        ({"colour": "blue"}, "colour"),
        ({"account_id": "not an id"}, "account_id"),
    ],
)
def test_a_wrong_parameter_is_named_and_not_repeated(
    household: Household, params: dict[str, str], pointer: str
) -> None:
    answer = household.upload(household.account(), csv(COFFEE), **params)
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    value = params[pointer]
    assert len(value) < 3 or value not in json.dumps(answer.json["errors"])


def test_an_unknown_account_is_named(household: Household, stranger: Household) -> None:
    answer = household.upload(stranger.account(), csv(COFFEE))
    assert (answer.status_code, codes(answer)) == (422, ["unknown_account"])


NO_STATEMENTS = {
    "empty": b"",
    "blank": b"\n \n\t\n",
    "one word": b"hello",
    "a header alone": b"Date,Payee,Amount\n",
    "no dates": b"Name,Colour\nAda,blue\n",
    "binary": bytes(range(256)) * 40,
    "NUL bytes": b"\0" * 5_000,
    "an image": b"\x89PNG\r\n\x1a\n" + bytes(5_000),
    "a zip": b"PK\x03\x04" + bytes(range(256)) * 8,
    "a gzip": b"\x1f\x8b\x08" + bytes(range(256)) * 8,
    "a PDF": b"%PDF-1.7\n" + b"1 0 obj\n" * 99,
    "JSON": b'{"date": "2026-01-05", "amount": -3}',
    "XML": b"<?xml version='1.0'?><a>2026-01-05,-3.00</a>",
    "a million columns": b"," * 1_000_000,
    "a million columns of dates": b"2026-01-05," * 900_000,
    "an open quote": b'Date,Payee,Amount\n2026-01-05,"' + b"x" * 100_000,
    "100,000 brackets": b"[" * 100_000,
}


@pytest.mark.parametrize("name", NO_STATEMENTS)
def test_what_is_no_statement_is_refused_with_a_reason(household: Household, name: str) -> None:
    account = household.account()
    answer = household.upload(account, NO_STATEMENTS[name])
    assert answer.status_code == 422, answer.text
    assert all(error["code"] and error["detail"] for error in answer.json["errors"])
    assert household.get("imports").json["items"] == []
    assert household.balance(account) == "0.00"


def test_a_file_of_the_full_size_is_taken_and_a_larger_one_is_not(household: Household) -> None:
    account = household.account()
    file = csv(COFFEE)
    full = file + b" " * (LIMIT - len(file))
    assert household.upload(account, full).status_code == 201
    larger = household.upload(account, full + b"\n")
    assert problem(larger) == (413, "content-too-large")
    in_a_form = form(('name="file"; filename="x.csv"', full))
    assert send(household, account, **in_a_form).status_code == 413


def test_texts_of_any_script_are_kept_without_control_characters(household: Household) -> None:
    account = household.account()
    file = csv("2026-01-05,Bell\x07 \x1b Café 漢字 🥐,-3.00")
    made = preview(household, account, file)
    assert household.post(f"imports/{made['id']}/commit").status_code == 200
    payee = booked(household, account)[0]["payee"]
    assert "Café 漢字 🥐" in payee
    assert payee.isprintable()


def test_a_long_statement_is_one_import(household: Household) -> None:
    account = household.account()
    days = [f"2026-01-{day:02}" for day in range(1, 29)]
    lines = [f"{day},Shop {number},-0.01" for day in days for number in range(50)]
    made = preview(household, account, csv(*lines))
    assert made["counts"]["new"] == len(lines)
    assert household.post(f"imports/{made['id']}/commit").status_code == 200
    assert household.balance(account) == "-14.00"
    assert preview(household, account, csv(*lines))["counts"]["duplicate"] == len(lines)
    assert household.post(f"imports/{made['id']}/revert").status_code == 200
    assert household.balance(account) == "0.00"
