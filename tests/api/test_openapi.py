"""The document and its page; and whether the API is what the document says."""

import base64
import gzip
import hashlib
import json
import re
from collections import Counter
from contextlib import suppress
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import schemathesis
from falcon.testing import TestClient
from hypothesis import HealthCheck, Phase, given, settings, strategies
from jsonschema_rs import is_valid
from pydantic import BaseModel
from requests import PreparedRequest, Request
from schemathesis import Case, GenerationMode
from schemathesis.checks import negative_data_rejection, positive_data_acceptance
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.schemas import OpenApiSchema

from nestegg_core.api.app import create_app, operations
from nestegg_core.api.documents import reference_page
from nestegg_core.api.openapi import openapi
from nestegg_core.api.operation import PREFIX, Operation
from nestegg_core.application import Runtime
from support.household import Household, register
from support.samples import request_for
from support.serving import Serve
from support.staff import promote

PUBLIC = {
    "/health",
    "/livez",
    "/readyz",
    "/api/v1/auth/register",
    "/api/v1/auth/login",
    "/api/v1/auth/refresh",
    "/api/v1/auth/forgot-password",
    "/api/v1/auth/reset-password",
    "/api/v1/auth/verify-email",
    "/api/v1/auth/providers",
}


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    return dict(client.simulate_get("/openapi.json").json)


@pytest.fixture(scope="module")
def schema(runtime: Runtime) -> OpenApiSchema:
    refused = [400, 401, 403, 404, 405, 409, 412, 413, 414, 415, 422, 428, 429, 431]
    rejection = {"expected-statuses": [str(status) for status in refused]}
    config = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": rejection}})
    return schemathesis.openapi.from_wsgi("/openapi.json", create_app(runtime), config=config)


def each(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, one)
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    ]


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any], schema: OpenApiSchema) -> None:
    schema.validate()

    assert document["openapi"].startswith("3.1.")


def test_every_operation_is_documented_once(runtime: Runtime, document: dict[str, Any]) -> None:
    documented = Counter((method.upper(), path) for method, path, _ in each(document))

    assert documented == Counter(
        (op.method, re.sub(r"\{(\w+):\w+\}", r"{\1}", op.path)) for op in operations(runtime)
    )


def test_every_operation_says_what_it_does_and_who_may(document: dict[str, Any]) -> None:
    ids = [one["operationId"] for _, _, one in each(document)]
    assert len(set(ids)) == len(ids)
    for method, path, one in each(document):
        assert one["summary"].endswith("."), path
        assert len(one["tags"]) == 1, path
        assert one["security"] == ([{}] if path in PUBLIC else [{"bearer": []}]), (method, path)
        assert any(status.startswith("2") for status in one["responses"]), path


def test_errors_are_documented_as_problems(document: dict[str, Any]) -> None:
    for _, path, one in each(document):
        for status, answer in one["responses"].items():
            if status.startswith("4"):
                assert set(answer["content"]) == {"application/problem+json"}, path


def test_two_servers_document_the_same(runtime: Runtime, document: dict[str, Any]) -> None:
    again = TestClient(create_app(runtime)).simulate_get("/openapi.json").json

    assert again == document


class Addresses(HTMLParser):
    """Collects what a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        fetching = {"src", "href", "srcset", "data", "action", "poster"}
        self.found += [value or "" for name, value in attrs if name in fetching]


def test_the_page_works_offline(client: TestClient) -> None:
    answer = client.simulate_get("/docs")
    page = Addresses()
    page.feed(answer.text)

    assert answer.headers["Content-Type"].startswith("text/html")
    assert page.tags["script"] == 0
    assert page.tags["style"] == 1
    elsewhere = [address for address in page.found if not address.startswith("#")]
    assert elsewhere == ["/openapi.json"]
    assert not re.search(r"(?i)@import|url\(|\bon\w+=|style=", answer.text)


def test_the_page_has_no_script_and_no_style_but_its_own(client: TestClient) -> None:
    answer = client.simulate_get("/docs")
    policy = answer.headers["Content-Security-Policy"]
    style = answer.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"style-src 'sha256-{digest}'" in policy.split("; ")
    assert {"default-src 'none'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    for loose in ("unsafe", "script-src", "http", "*", "data:"):
        assert loose not in policy


def test_the_page_shows_every_operation_and_leads_to_every_schema(
    client: TestClient, document: dict[str, Any]
) -> None:
    text = client.simulate_get("/docs").text
    ids = re.findall(r'id="([^"]+)"', text)

    assert len(set(ids)) == len(ids)
    assert {f"op-{one['operationId']}" for _, _, one in each(document)} <= set(ids)
    assert {f"schema-{name}" for name in document["components"]["schemas"]} <= set(ids)
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
    for _, _, one in each(document):
        for parameter in one["parameters"]:
            assert f"<code>{parameter['name']}</code>" in text


def test_the_page_shows_texts_of_plugins_as_texts() -> None:
    text = '<script>alert(1)</script> & "quoted" `code`'
    operation = {
        "operationId": text,
        "summary": text,
        "description": text,
        "tags": [text],
        "security": [{}],
        "responses": {"200": {"description": text, "headers": {text: {}}}},
        "parameters": [
            {
                "name": text,
                "in": text,
                "required": False,
                "description": text,
                "schema": {"type": text, "format": text, "pattern": text, "default": text},
            }
        ],
    }
    page = reference_page({
        "info": {"title": text, "description": text, "version": text},
        "servers": [{"url": text}], "tags": [{"name": text}], "paths": {text: {"get": operation}},
        "components": {"schemas": {text: {"description": text, "enum": [text]}}},
    }).decode()  # fmt: skip

    assert "<script" not in page
    assert "alert" in page


PAGES = ("/docs", "/openapi.json")


@pytest.mark.parametrize("path", PAGES)
def test_document_and_page_are_sent_again_only_when_they_differ(
    client: TestClient, path: str
) -> None:
    first = client.simulate_get(path)
    again = client.simulate_get(path, headers={"If-None-Match": first.headers["ETag"]})
    other = client.simulate_get(path, headers={"If-None-Match": '"other"'})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert first.headers["Cache-Control"] == again.headers["Cache-Control"] == "no-cache"
    assert other.content == first.content


@pytest.mark.parametrize("path", PAGES)
def test_document_and_page_travel_compressed_to_whoever_takes_that(
    client: TestClient, path: str
) -> None:
    plain = client.simulate_get(path)
    packed = client.simulate_get(path, headers={"Accept-Encoding": "br, gzip;q=0.8"})
    refused = client.simulate_get(path, headers={"Accept-Encoding": "gzip;q=0"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content == refused.content
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert len(packed.content) < 40_000


def test_what_a_change_leaves_out_has_no_default(document: dict[str, Any]) -> None:
    # A client that is generated from the document would send it, and overwrite what is there.
    changes = [
        one["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for method, _, one in each(document)
        if method == "patch"
    ]
    assert len(changes) >= 6
    for name in changes:
        for field, schema in document["components"]["schemas"][name]["properties"].items():
            assert "default" not in schema, (name, field)


def test_no_default_is_null(document: dict[str, Any]) -> None:
    assert '"default": null' not in json.dumps(document)


def test_every_schema_is_used_and_every_reference_leads_somewhere(
    document: dict[str, Any],
) -> None:
    text = json.dumps(document)
    used = set(re.findall(r'"#/components/schemas/([^"]+)"', text))

    assert used == set(document["components"]["schemas"])
    headers = set(re.findall(r'"#/components/headers/([^"]+)"', text))
    assert headers == set(document["components"]["headers"])


def test_what_bounds_a_request_is_documented(document: dict[str, Any]) -> None:
    for method, path, one in each(document):
        assert {"400", "414", "431"} <= set(one["responses"]), path
        for content in one.get("requestBody", {}).get("content", {}):
            assert "413" in one["responses"], (method, path)
            if content == "application/json":
                assert "262144 bytes" in one["requestBody"]["description"]
        for parameter in one["parameters"]:
            if parameter["name"] == "Idempotency-Key":
                assert parameter["schema"]["pattern"] == "^[!-~]{1,255}$"
                assert parameter["schema"]["maxLength"] == 255


def test_a_list_in_a_body_has_an_end(document: dict[str, Any]) -> None:
    for _, path, one in each(document):
        content = one.get("requestBody", {}).get("content", {}).get("application/json")
        if content:
            name = content["schema"]["$ref"].rpartition("/")[2]
            for field, schema in document["components"]["schemas"][name]["properties"].items():
                for kind in (schema, *schema.get("anyOf", ())):
                    assert kind.get("type") != "array" or "maxItems" in kind, (path, field)
                    bounded = {"maxLength", "format", "enum", "pattern", "const"} & set(kind)
                    assert kind.get("type") != "string" or bounded, (path, field)


def test_a_plugins_model_of_a_known_name_changes_nothing_of_the_cores(
    runtime: Runtime, document: dict[str, Any]
) -> None:
    class Account(BaseModel):
        number: str

    route = Operation("GET", f"{PREFIX}/x/other/organizations/{{org_id:uuid}}/a", answer=Account)
    made = openapi([*operations(runtime), route], "1", "http://127.0.0.1:8000", 1)
    schemas = made["components"]["schemas"]

    assert set(schemas) == {*document["components"]["schemas"], "other.Account"}
    assert schemas["Account"] == document["components"]["schemas"]["Account"]
    assert set(schemas["other.Account"]["properties"]) == {"number"}


def test_the_document_names_the_servers_address(serve: Serve) -> None:
    answer = serve(APP_BASE_URL="https://nest.example").simulate_get("/openapi.json")

    assert answer.json["servers"] == [{"url": "https://nest.example"}]


def valid_as_sent(case: Case[Any], sent: PreparedRequest) -> bool:
    """Tell whether nothing is left in a request of what was to be wrong with it.

    A parameter without a value is not written into a query, and a header that was left out may be
    one that the explorer itself sends. Only where query and headers alone were to be wrong.
    """
    if case.meta is None:
        return False
    wrong = {where for where, how in case.meta.components.items() if how.mode.is_negative}
    if not wrong or not wrong <= {ParameterLocation.QUERY, ParameterLocation.HEADER}:
        return False
    query = parse_qs(urlsplit(str(sent.url)).query, keep_blank_values=True)
    values = {"query": query, "header": {name: [value] for name, value in sent.headers.items()}}
    documented = case.operation.definition.raw["parameters"]
    return query.keys() <= {one["name"] for one in documented if one["in"] == "query"} and all(
        satisfies(one, values[one["in"]].get(one["name"]))
        for one in documented
        if one["in"] in values
    )


def satisfies(parameter: dict[str, Any], values: list[Any] | None) -> bool:
    """Tell whether a parameter may stand there with these values, as they were written."""
    if values is None:
        return not parameter["required"]
    readings = [*values]
    with suppress(ValueError):
        readings += [json.loads(value) for value in values]
    return len(values) == 1 and any(
        is_valid(parameter["schema"], reading, validate_formats=True) for reading in readings
    )


@pytest.mark.parametrize(
    ("query", "headers", "wrong", "expected"),
    [
        ("", {}, "query", True),
        ("?limit=5", {}, "query", True),
        ("?limit=5&since=2026-01-31", {}, "query", True),
        ("?limit=0", {}, "query", False),
        ("?limit=x", {}, "query", False),
        ("?limit=", {}, "query", False),
        ("?limit=5&limit=5", {}, "query", False),
        ("?since=2026-02-31", {}, "query", False),
        ("?undeclared=", {}, "query", False),
        ("", {"If-Match": '"1"'}, "header", True),
        ("", {"If-Match": "1"}, "header", False),
        ("", {"If-Match": None}, "header", False),
        ("", {}, "body", False),
        ("", {}, "path", False),
    ],
)
def test_a_request_is_valid_where_nothing_wrong_was_sent(
    query: str, headers: dict[str, str | None], wrong: str, expected: bool
) -> None:
    one = {"in": "query", "required": False}
    parameters = [
        {**one, "name": "limit", "schema": {"type": "integer", "minimum": 1}},
        {**one, "name": "since", "schema": {"type": "string", "format": "date"}},
        {
            "name": "If-Match",
            "in": "header",
            "required": True,
            "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
        },
    ]
    negative = SimpleNamespace(mode=GenerationMode.NEGATIVE)
    case: Any = SimpleNamespace(
        meta=SimpleNamespace(components={ParameterLocation(wrong): negative}),
        operation=SimpleNamespace(definition=SimpleNamespace(raw={"parameters": parameters})),
    )
    sent = {name: value for name, value in ({"If-Match": '"1"'} | headers).items() if value}

    request = Request("GET", f"http://localhost/{query}", headers=sent).prepare()
    assert valid_as_sent(case, request) is expected


class Explorer:
    """Sends what the document allows, and what it does not, to rows that there are."""

    def __init__(self, owner: Household) -> None:
        self.owner = owner
        self.headers = {"Authorization": f"Bearer {owner.token}"}

    def known(self, op: Operation) -> dict[str, str]:
        """Return path fields that lead to a row."""
        return {"org_id": self.owner.org_id, **request_for(op, self.owner).fields}

    def try_out(self, case: Case[Any]) -> None:
        """Send one case and judge the answer by the document."""
        if (
            "If-Match" in (case.headers or {})
            and case.meta
            and not case.meta.generation.mode.is_negative
        ):
            case.headers["If-Match"] = self.present_tag(case)
        answer = case.call(headers=self.headers)
        # A valid currency, cursor or id need not be one that there is.
        left_out = [positive_data_acceptance]
        if valid_as_sent(case, answer.request):
            left_out.append(negative_data_rejection)
        case.validate_response(answer, headers=self.headers, excluded_checks=left_out)

    def present_tag(self, case: Case[Any]) -> str:
        """Return the ETag that the row has now, so that the change is not stale."""
        answer = self.owner.call("GET", case.formatted_path)
        return str(answer.headers.get("ETag", '"1"'))


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_api_is_what_its_document_says(
    runtime: Runtime,
    client: TestClient,
    schema: OpenApiSchema,
    subtests: pytest.Subtests,
    mode: GenerationMode,
) -> None:
    owner = register(client)
    promote(runtime, owner)
    explorer = Explorer(owner)
    for op in operations(runtime):
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", op.path)
        documented = schema[path][op.method]
        if op.path.endswith("/logout"):
            continue  # it would sign everyone out for the rest
        if mode.is_negative and op.public and op.method == "GET":
            continue  # nothing of a probe's request can be wrong
        with subtests.test(method=op.method, path=path):
            explore(explorer, op, documented, mode)


def explore(explorer: Explorer, op: Operation, documented: Any, mode: GenerationMode) -> None:
    known = explorer.known(op) if "{" in op.path else {}

    @settings(
        max_examples=8,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=strategies.one_of(
            documented.as_strategy(mode, path_parameters=known), documented.as_strategy(mode)
        )
    )
    def run(case: Case[Any]) -> None:
        explorer.try_out(case)

    run()
