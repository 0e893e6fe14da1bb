"""Bodies that must be refused: 4xx, every bad field named, nothing repeated, nothing changed."""

import json
from collections.abc import Callable
from typing import Any, get_args

import pytest
from falcon.testing import Result, TestClient
from pydantic.fields import FieldInfo

from nestegg_core.api.app import operations
from nestegg_core.api.operation import Operation
from nestegg_core.api.resources.auth.email import AddressProof, LostPassword, PasswordReset
from nestegg_core.api.resources.auth.identities import NewIdentity
from nestegg_core.api.resources.auth.sign_in import PasswordAndCode
from nestegg_core.application import Runtime
from support.household import Household, register
from support.samples import Request, request_for
from support.serving import Serve
from support.staff import promote

UNKNOWN_ID = "3c8a6d0e-6a49-4f0b-9d53-6a1f0e2b7c11"
MARKER = "marker7f3a"

IN_VAIN = {LostPassword, PasswordReset, AddressProof, NewIdentity, PasswordAndCode}
"""Bodies that are good by themselves, for what needs a letter, a provider or a fresh code too."""


@pytest.fixture(scope="module")
def owner(client: TestClient, runtime: Runtime) -> Household:
    """Somebody who may do everything that there is."""
    owner = register(client)
    promote(runtime, owner)
    return owner


@pytest.fixture(scope="module")
def requests(runtime: Runtime, owner: Household) -> list[Request]:
    """A good request for every operation with a JSON body. Refused ones spend nothing of it."""
    return [request_for(op, owner) for op in operations(runtime) if op.body is not None]


def send(
    user: Household, request: Request, body: bytes, content_type: str = "application/json"
) -> Result:
    """Send another body than the good one."""
    return user.call(
        request.op.method,
        request.path(user.org_id),
        body=body,
        headers={"Content-Type": content_type, "If-Match": f'"{request.version}"'},
    )


def state(user: Household) -> list[str]:
    """Return all that a refused request might have changed."""
    paths = ("accounts", "transactions", "categories", "imports", "/api/v1/me")
    return [user.get(path).text for path in paths]


def fields_of(request: Request) -> dict[str, FieldInfo]:
    """Return the fields that the operation's body may have."""
    assert request.op.body is not None
    return request.op.body.model_fields


def pointers(answer: Result) -> list[str]:
    return [error["pointer"] for error in answer.json["errors"]]


def named(answer: Result) -> set[str]:
    """Return the fields that an answer finds fault with, be it in an item of theirs."""
    return {pointer.split("/")[1] for pointer in pointers(answer)}


def is_right(annotation: Any, spelled: str) -> bool:
    """Tell whether a value is of the type that a field wants, after all."""
    kinds = {annotation, *get_args(annotation)}
    kinds |= {inner for kind in kinds for inner in get_args(kind)}
    return {"true": bool, "7": int}.get(spelled) in kinds


def spelled(**fields: str) -> bytes:
    """Return a JSON object whose values are written as given, well or ill."""
    return ("{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}").encode()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b" ", 400),
        (b'{"name":', 400),
        (b"{'name': 'x'}", 400),
        (b'{"name":"x"} {}', 400),
        (b"\xef\xbb\xbf{}", 400),
        (b'{"name":"\xff"}', 400),
        (b'{"name":"\xed\xa0\x80"}', 400),
        (b'{"name":"\\ud800"}', 400),
        (b'{"\\ud800":1}', 400),
        (b'{"name":"a\x00b"}', 400),
        ('{"name":"x"}'.encode("utf-16"), 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 40_000, 400),
        (b'{"name":' + b"9" * 100_000 + b"}", 400),
        (b"[]", 422),
        (b"null", 422),
        (b"true", 422),
        (b"1", 422),
        (b'"' + MARKER.encode() + b'"', 422),
        (b'[{"name":"x"}]', 422),
        (json.dumps({MARKER * 1_000: 1}).encode(), 422),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_body_that_is_no_object_is_refused_everywhere(
    owner: Household, requests: list[Request], body: bytes, status: int
) -> None:
    before = state(owner)
    for request in requests:
        answer = send(owner, request, body)
        assert answer.status_code == status, (request.op.path, answer.text)
        assert len(answer.content) < 2_000
        if not body.startswith(b'{"marker'):  # a field that is not known is named
            assert MARKER not in answer.text
    assert state(owner) == before


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "application/x-www-form-urlencoded", "json", "é"],
)
def test_another_content_type_is_415(
    owner: Household, requests: list[Request], content_type: str
) -> None:
    for request in requests:
        answer = send(owner, request, json.dumps(request.json).encode(), content_type)
        assert answer.status_code == 415, request.op.path


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_may_be_called_so_in_any_case(owner: Household, content_type: str) -> None:
    answer = owner.call(
        "POST",
        "categories",
        body=json.dumps({"name": f"Type {content_type}"}).encode(),
        headers={"Content-Type": content_type},
    )

    assert answer.status_code == 201


@pytest.mark.parametrize(
    "wrong",
    [
        "true",
        "12.5",
        "7",
        "-1e400",
        "[]",
        "{}",
        f'["{MARKER}"]',
        f'{{"{MARKER}":1}}',
    ],
)
def test_a_value_of_another_type_is_422_and_named_in_every_field(
    owner: Household, requests: list[Request], wrong: str
) -> None:
    before = state(owner)
    for request in requests:
        for name, field in fields_of(request).items():
            if field.annotation == dict[str, Any] and wrong.startswith("{"):
                continue  # an object of any kind is wanted there
            if is_right(field.annotation, wrong):
                continue
            good = {key: json.dumps(value) for key, value in request.json.items()}
            answer = send(owner, request, spelled(**{**good, name: wrong}))
            assert answer.status_code == 422, (request.op.path, name, answer.text)
            assert named(answer) == {name}
            assert MARKER not in answer.text
    assert state(owner) == before


def test_huge_and_unknown_values_are_422_and_not_repeated(
    owner: Household, requests: list[Request]
) -> None:
    before = state(owner)
    for request in requests:
        for name in fields_of(request):
            answer = send(
                owner, request, json.dumps({**request.json, name: MARKER * 10_000}).encode()
            )
            assert answer.status_code == 422, (request.op.path, name)
            assert pointers(answer) == [f"/{name}"]
            assert MARKER not in answer.text
        answer = send(owner, request, json.dumps({**request.json, "colour": MARKER}).encode())
        assert (answer.status_code, pointers(answer)) == (422, ["/colour"])
        assert MARKER not in answer.text
    assert state(owner) == before


def test_every_bad_field_is_named_at_once(owner: Household, requests: list[Request]) -> None:
    for request in requests:
        names = list(fields_of(request))
        body = {**{name: [MARKER] for name in names}, "a/b~c": MARKER}
        answer = send(owner, request, json.dumps(body).encode())
        assert named(answer) == {*names, "a~1b~0c"}
        assert MARKER not in answer.text


def test_every_missing_field_is_named_at_once(owner: Household, requests: list[Request]) -> None:
    for request in requests:
        fields = fields_of(request)
        required = [f"/{name}" for name, field in fields.items() if field.is_required()]
        if required:
            answer = send(owner, request, b"{}")
            assert (answer.status_code, pointers(answer)) == (422, required), request.op.path


def test_control_characters_are_refused_in_every_text(
    owner: Household, requests: list[Request]
) -> None:
    # Never stored as they are.
    free = {"old_password", "new_password", "refresh_token", "token", "code", "invitation"}
    before = state(owner)
    for request in requests:
        if request.op.public and request.op.path.endswith("/login"):
            continue  # an address is only looked up
        for name in set(fields_of(request)) - free - {"password"}:
            for character in ("\0", "\x1b", "\x7f"):
                body = {**request.json, name: f"{MARKER}{character}x"}
                answer = send(owner, request, json.dumps(body).encode())
                assert answer.status_code == 422, (request.op.path, name)
                assert pointers(answer) == [f"/{name}"]
                assert MARKER not in answer.text
    assert state(owner) == before


@pytest.mark.parametrize(
    "character", ["\u202e", "\u2066", "\n", "\u2028", "\x85", "\x9b", "\uffff"]
)
def test_a_name_is_one_line_that_reads_as_it_is_written(owner: Household, character: str) -> None:
    answer = owner.post("/api/v1/organizations", name=f"Bank{character}txt.exe")

    assert (answer.status_code, pointers(answer)) == (422, ["/name"])


@pytest.mark.parametrize("name", ["שלום", "عائلة", "Müller & Söhne", "家族", "O\u2019Neill \u200d"])
def test_names_of_every_script_are_taken(owner: Household, name: str) -> None:
    assert owner.post("/api/v1/organizations", name=name).json["name"] == name.strip()


ACCOUNT = {"name": "Cash", "type": "cash", "currency": "EUR"}
BOOKING = {"date": "2026-03-15", "amount": "-1.00", "payee": "Bakery"}


@pytest.mark.parametrize(
    ("path", "field", "value", "code"),
    [
        *(
            (path, field, value, code)
            for path, field in (("accounts", "opening_balance"), ("transactions", "amount"))
            for value, code in (
                ("1.00001", "too_precise"),
                ("0.00000", "too_precise"),
                ("100000000000000.0001", "out_of_range"),
                ("-100000000000001", "out_of_range"),
                ("9999999999999999", "malformed"),
                ("", "malformed"),
                (" 1", "malformed"),
                ("1.00\n", "malformed"),
                ("1,00", "malformed"),
                ("1.", "malformed"),
                (".5", "malformed"),
                ("--1", "malformed"),
                ("1e3", "malformed"),
                ("0x10", "malformed"),
                ("1_000", "malformed"),
                ("NaN", "malformed"),
                ("Infinity", "malformed"),
                ("-0x0", "malformed"),
                ("\u0661\u0662", "malformed"),
                ("\uff11", "malformed"),
                ("€1", "malformed"),
                (MARKER, "malformed"),
            )
        ),
        *(
            (path, field, value, code)
            for path, field in (("accounts", "opening_date"), ("transactions", "date"))
            for value, code in (
                ("2026-02-30", "no_such_day"),
                ("2025-02-29", "no_such_day"),
                ("2026-13-01", "no_such_day"),
                ("0000-01-01", "no_such_day"),
                ("10000-01-01", "malformed"),
                ("2026-1-1", "malformed"),
                ("20260101", "malformed"),
                ("2026-W01-1", "malformed"),
                ("2026-01-01T00:00:00Z", "malformed"),
                ("2026-01-01\n", "malformed"),
                ("२०२६-01-01", "malformed"),
                ("", "malformed"),
            )
        ),
        *(
            ("accounts", "currency", value, "unknown_currency")
            for value in ("XYZ", "eur", "EU", "", " EUR", "EURO", "€", MARKER)
        ),
        ("accounts", "type", "Cash", "literal_error"),
        ("accounts", "type", "", "literal_error"),
        ("accounts", "name", "", "string_too_short"),
        ("accounts", "name", " \t\n ", "string_too_short"),
        ("accounts", "name", "x" * 201, "string_too_long"),
        ("accounts", "institution", "x" * 201, "string_too_long"),
        ("accounts", "number", "", "string_too_short"),
        ("accounts", "number", "x" * 65, "string_too_long"),
        ("transactions", "status", "lost", "literal_error"),
        ("transactions", "payee", "x" * 501, "string_too_long"),
        ("transactions", "notes", "x" * 5_001, "string_too_long"),
        ("transactions", "notes", "", "string_too_short"),
        ("transactions", "account_id", "", "uuid_parsing"),
        ("transactions", "account_id", MARKER, "uuid_parsing"),
        ("transactions", "account_id", UNKNOWN_ID, "unknown_account"),
        ("transactions", "account_id", None, "uuid_type"),
        ("transactions", "category_id", MARKER, "uuid_parsing"),
        ("transactions", "category_id", UNKNOWN_ID, "unknown_category"),
        ("categories", "kind", "gift", "literal_error"),
        ("categories", "name", "x" * 101, "string_too_long"),
        ("categories", "name", None, "string_type"),
    ],
)
def test_a_bad_value_is_422_with_its_code_when_made_and_when_changed(
    owner: Household, path: str, field: str, value: Any, code: str
) -> None:
    rows: dict[str, Callable[[], dict[str, Any]]] = {
        "accounts": owner.account,
        "transactions": lambda: owner.transaction(owner.account(), "-1.00"),
        "categories": lambda: owner.get("categories").json["items"][0],
    }
    row = rows[path]()
    goods: dict[str, dict[str, Any]] = {
        "accounts": ACCOUNT,
        "transactions": {**BOOKING, "account_id": row.get("account_id")},
        "categories": {"name": "Never made"},
    }
    good = goods[path]
    before = state(owner)

    made = owner.post(path, **{**good, field: value})
    changed = owner.patch(f"{path}/{row['id']}", row["version"], **{field: value})

    for answer in (made, changed):
        assert answer.status_code == 422, answer.text
        assert [(e["pointer"], e["code"]) for e in answer.json["errors"]] == [(f"/{field}", code)]
        assert MARKER not in answer.text
    assert state(owner) == before


@pytest.mark.parametrize(
    "amount", ["100000000000000", "-100000000000000.0000", "+1.5", "-0", "007"]
)
def test_an_amount_at_the_edge_is_kept_exactly(household: Household, amount: str) -> None:
    made = household.account(opening_balance=amount)

    assert float(made["opening_balance"]) == float(amount)
    assert household.balance(made) == made["opening_balance"] == made["balance"]


def test_a_balance_may_not_leave_its_range(household: Household) -> None:
    account = household.account(opening_balance="100000000000000")
    answer = household.post(
        "transactions", account_id=account["id"], **{**BOOKING, "amount": "0.0001"}
    )

    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in answer.json["errors"]] == [
        ("/amount", "out_of_range")
    ]
    assert household.balance(account) == "100000000000000.00"
    assert household.get("transactions").json["items"] == []


def test_an_empty_change_changes_nothing_but_the_version(
    owner: Household, requests: list[Request]
) -> None:
    for request in requests:
        optional = not any(field.is_required() for field in fields_of(request).values())
        if request.op.method == "PATCH" and request.fields and optional:
            path = request.path(owner.org_id)
            read = owner.get(path)
            if read.status_code == 405:
                continue  # it is read in a list alone
            before = read.json
            answer = send(owner, request, b"{}")
            assert answer.status_code == 200
            same = set(before) - {"version", "updated_at"}
            assert {name: answer.json[name] for name in same} == {n: before[n] for n in same}
            request.version = answer.json["version"]


def test_a_body_over_the_limit_is_413_with_and_without_a_length(
    serve: Serve, runtime: Runtime
) -> None:
    client = serve(MAX_BODY_BYTES="1024")
    owner = register(client)
    promote(runtime, owner)
    chunked = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    padding = " " * 1024
    for op in operations(runtime):
        if op.body is None:
            continue
        request = request_for(op, owner)
        body = (json.dumps(request.json) + padding).encode()
        for extras in ({}, chunked):
            answer = owner.call(
                op.method,
                request.path(owner.org_id),
                body=body,
                headers={"Content-Type": "application/json", "If-Match": f'"{request.version}"'},
                extras=extras,
            )
            assert answer.status_code == 413, (op.path, extras)
        if op.body not in IN_VAIN:
            assert request.send(owner).status_code == op.status, "a refused request was carried out"


def test_a_chunked_body_within_the_limit_is_read(household: Household) -> None:
    answer = household.call(
        "POST",
        "categories",
        body=json.dumps({"name": "Chunky"}).encode(),
        headers={"Content-Type": "application/json"},
        extras={"CONTENT_LENGTH": "", "wsgi.input_terminated": True},
    )

    assert answer.status_code == 201


def test_the_limit_is_ten_mebibytes_unless_it_is_set(runtime: Runtime) -> None:
    assert runtime.settings.max_body_bytes == 10 * 1024 * 1024


@pytest.fixture
def with_body(runtime: Runtime) -> list[Operation]:
    return [op for op in operations(runtime) if op.body is not None]


def test_every_model_of_a_body_refuses_what_it_does_not_know(with_body: list[Operation]) -> None:
    for op in with_body:
        assert op.body is not None
        assert op.body.model_config.get("extra") == "forbid", op.path
        assert op.body.model_config.get("hide_input_in_errors") is True, op.path
