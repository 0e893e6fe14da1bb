"""The document and its page; and whether the API is what the document says."""

import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any

import pytest
import schemathesis
from falcon.testing import TestClient
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis import Case, GenerationMode
from schemathesis.checks import positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from nestegg_core.runtime import Runtime
from nestegg_core.web.app import create_app, operations
from nestegg_core.web.operation import Operation
from support.household import Household, register
from support.samples import request_for
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
    refused = [400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 428, 429]
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
    assert page.tags["script"] >= 2
    assert page.tags["style"] >= 1
    assert "SwaggerUIBundle({" in answer.text
    assert [address for address in page.found if not address.startswith("data:")] == []
    assert not re.search(r"(?i)@import|url\(\s*[\"']?(https?:)?//", answer.text)
    assert "validatorUrl: null" in answer.text


def test_the_page_may_not_fetch_from_elsewhere(client: TestClient) -> None:
    policy = client.simulate_get("/docs").headers["Content-Security-Policy"]

    assert {"default-src 'none'", "connect-src 'self'", "img-src data:"} <= set(policy.split("; "))
    assert "http" not in policy
    assert "*" not in policy


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
        # Left out: a valid currency, cursor or id need not be one that there is.
        case.call_and_validate(headers=self.headers, excluded_checks=[positive_data_acceptance])

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
