"""Statements as they arrive: raw, in a form, and broken."""

import pytest
from falcon.testing import Result

from support.household import Household, register
from support.serving import Serve
from support.statements import counts

STATEMENT = b"Date,Amount,Payee\n2026-01-01,-1.00,Bakery\n2026-01-02,-2.00,Shop\n"
BOUNDARY = "multipart/form-data; boundary=B"


def part(
    content: bytes, disposition: bytes = b'; filename="bank.csv"', headers: bytes = b""
) -> bytes:
    return (
        b'--B\r\nContent-Disposition: form-data; name="file"'
        + disposition
        + b"\r\n"
        + headers
        + b"\r\n"
        + content
        + b"\r\n"
    )


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--B--\r\n"


def upload(
    user: Household,
    body: bytes,
    content_type: str | None = BOUNDARY,
    chunked: bool = False,
    **params: str,
) -> Result:
    return user.call(
        "POST",
        "imports",
        params={"account_id": user.account()["id"], **params},
        body=body,
        headers={} if content_type is None else {"Content-Type": content_type},
        extras={"CONTENT_LENGTH": "", "wsgi.input_terminated": True} if chunked else {},
    )


@pytest.mark.parametrize(
    "content_type", ["text/csv", "text/csv; charset=utf-8", "text/plain", None]
)
def test_a_raw_statement_is_previewed_whatever_it_is_called(
    household: Household, content_type: str | None
) -> None:
    answer = upload(household, STATEMENT, content_type)

    assert answer.status_code == 201
    assert answer.json["counts"] == counts(new=2)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("body", "name"),
    [
        (form(part(STATEMENT)), "bank.csv"),
        (form(part(STATEMENT, b"; filename=bank.csv")), "bank.csv"),
        (form(part(STATEMENT, b'; filename=""')), ""),
        (form(part(b"ignored", b""), part(STATEMENT)), "bank.csv"),
        (form(part(STATEMENT, headers=b"Content-Type: application/octet-stream\r\n")), "bank.csv"),
        (form(part(STATEMENT, b'; filename="../../etc/pass\x00wd"')), None),
        (form(part(STATEMENT, b"; filename*=utf-8''%2e%2e%2fm%C3%BCll.csv")), "müll.csv"),
        (form(part(STATEMENT, '; filename="März ä€.csv"'.encode())), "März ä€.csv"),
        (form(part(STATEMENT, b'; filename="a\\..\\b\x1b.csv"')), None),
        (form(part(STATEMENT, '; filename="\u202evsc.x"'.encode())), "vsc.x"),
        (form(part(STATEMENT, b'; filename="' + b"x" * 900 + b'"')), "x" * 200),
    ],
    ids=range(11),
)
def test_a_form_gives_its_first_file(
    household: Household, body: bytes, name: str | None, chunked: bool
) -> None:
    answer = upload(household, body, chunked=chunked)

    assert answer.status_code == 201
    assert answer.json["counts"]["new"] == 2
    if name is None:
        assert not set(answer.json["file_name"]) & set("/\\\0\x1b")
    else:
        assert answer.json["file_name"] == name


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", BOUNDARY),
        (b"\x00\xff" * 500, BOUNDARY),
        (form(part(STATEMENT)), "multipart/form-data"),
        (form(part(STATEMENT)), "multipart/form-data; boundary="),
        (form(part(STATEMENT)), "multipart/form-data; boundary=marker7f3a"),
        (form(part(STATEMENT)), "multipart/form-data; boundary=" + "B" * 5_000),
        (form(part(STATEMENT, b'; filename="\xff\xfe"')), BOUNDARY),
        (form(part(STATEMENT, b"; filename*=marker7f3a''x")), BOUNDARY),
        (form(part(STATEMENT, headers=b"Content-Transfer-Encoding: base64\r\n")), BOUNDARY),
        (form(*[part(b"x", b"")] * 200), BOUNDARY),
        (b"--B\r\n" + b"X: y\r\n" * 10_000, BOUNDARY),
        (b"--B\r\n\r\n" + STATEMENT, BOUNDARY),
    ],
    ids=range(12),
)
def test_a_broken_form_is_400(
    household: Household, body: bytes, content_type: str, chunked: bool
) -> None:
    answer = upload(household, body, content_type, chunked)

    assert answer.status_code == 400
    assert "marker7f3a" not in answer.text
    assert household.get("imports").json["items"] == []


def test_a_form_without_a_file_is_422(household: Household) -> None:
    answer = upload(household, form(part(STATEMENT, b"")))

    assert answer.status_code == 422
    assert answer.json["errors"][0]["code"] == "no_file"


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("in_a_form", [False, True])
def test_a_file_over_the_limit_is_413(serve: Serve, in_a_form: bool, chunked: bool) -> None:
    user = register(serve(MAX_BODY_BYTES="2000"))
    rows = b"2026-01-01,-1.00,Bakery\n" * 100
    body = form(part(STATEMENT + rows)) if in_a_form else STATEMENT + rows
    answer = upload(user, body, BOUNDARY if in_a_form else "text/csv", chunked)

    assert answer.status_code == 413
    assert user.get("imports").json["items"] == []


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"account_id": ""}, "account_id"),
        ({"account_id": "marker7f3a"}, "account_id"),
        ({"colour": "marker7f3a"}, "colour"),
        ({"importer": "marker7f3a"}, "importer"),
        ({"delimiter": "marker7f3a"}, "delimiter"),
        ({"payee_column": "x" * 201}, "payee_column"),
        ({"payee_column": "\0"}, "payee_column"),
    ],
)
def test_a_bad_parameter_is_422_and_named(
    household: Household, params: dict[str, str], pointer: str
) -> None:
    answer = upload(household, STATEMENT, "text/csv", chunked=False, **params)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert "marker7f3a" not in answer.text


def test_an_empty_column_option_means_that_there_is_none(household: Household) -> None:
    answer = upload(household, STATEMENT, "text/csv", payee_column="")

    assert answer.status_code == 201
    rows = household.get(f"imports/{answer.json['id']}/rows").json["items"]
    assert {row["payee"] for row in rows} == {""}


def test_a_form_has_the_account_in_its_query_alone(household: Household) -> None:
    answer = household.call(
        "POST", "imports", body=form(part(STATEMENT)), headers={"Content-Type": BOUNDARY}
    )

    assert answer.status_code == 422
    assert answer.json["errors"] == [
        {"pointer": "account_id", "code": "missing", "detail": "is required"}
    ]
