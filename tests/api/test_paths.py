"""Paths, methods and request ids: what answers before any operation does."""

from uuid import uuid4

import pytest
from falcon.testing import TestClient

from nestegg_core.api.app import operations
from nestegg_core.application import Runtime
from support.household import Household
from support.samples import request_for
from support.staff import promote

ODD = ["x", "1", "null", "%00", "%FF", "%ED%A0%80", "..", "%2e%2e", "%F0%9F%98%80", "x" * 3_000]


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v2/me",
        "/health/",
        "/%00",
        "/%FF",
        "//me",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_is_404(client: TestClient, method: str, path: str) -> None:
    answer = client.simulate_request(method, path)

    assert answer.status_code == 404
    assert answer.json["type"] == "urn:nestegg:problem:not-found"


def test_the_root_leads_to_the_page_of_the_api(client: TestClient) -> None:
    for method in ("GET", "HEAD"):
        answer = client.simulate_request(method, "/")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/docs")
    assert client.simulate_post("/").status_code == 405


def test_an_odd_or_unknown_id_in_a_path_is_404_everywhere(
    runtime: Runtime, household: Household
) -> None:
    promote(runtime, household)  # so that the ids of what administrators see are tried as well
    for op in operations(runtime):
        request = request_for(op, household)
        for name in request.fields:
            for value in (*ODD, str(uuid4()), request.fields[name] + "0"):
                good = dict(request.fields)
                request.fields[name] = value
                assert request.send(household).status_code == 404, (op.path, value)
                request.fields = good


@pytest.mark.parametrize("org_id", ODD)
def test_an_odd_organization_in_a_path_is_404(household: Household, org_id: str) -> None:
    answer = household.call("GET", f"/api/v1/organizations/{org_id}/accounts")

    assert answer.status_code == 404


def test_a_method_that_a_path_does_not_know_is_405_and_the_others_are_named(
    runtime: Runtime, client: TestClient, household: Household
) -> None:
    known: dict[str, set[str]] = {}
    for op in operations(runtime):
        known.setdefault(op.path, set()).add(op.method)
    for op in operations(runtime):
        answered = known[op.path] | ({"HEAD"} if "GET" in known[op.path] else set())
        path = request_for(op, household).path(household.org_id)
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} - answered:
            answer = client.simulate_request(method, path)
            assert answer.status_code == 405, (method, path)
            assert set(answer.headers["Allow"].split(", ")) == {*answered, "OPTIONS"}
            options = client.simulate_options(path)
            assert set(options.headers["Allow"].split(", ")) == {*answered, "OPTIONS"}


def test_head_is_get_without_its_body(runtime: Runtime, household: Household) -> None:
    for op in operations(runtime):
        if op.method != "GET":
            continue
        path = request_for(op, household).path(household.org_id)
        get, head = household.call("GET", path), household.call("HEAD", path)
        assert (head.status_code, head.content) == (get.status_code, b""), path
        assert head.headers.get("ETag") == get.headers.get("ETag")
        assert head.headers["Content-Length"] == str(len(get.content))


def test_options_tells_the_methods_of_a_path(client: TestClient) -> None:
    answer = client.simulate_options(f"/api/v1/organizations/{uuid4()}/accounts")

    assert answer.status_code == 200
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}


@pytest.mark.parametrize("given", ["abc-123", "A.b_c", "x" * 64])
def test_a_request_keeps_its_id(client: TestClient, given: str) -> None:
    for path in ("/health", "/nothing", "/api/v1/me"):
        answer = client.simulate_get(path, headers={"X-Request-ID": given})
        assert answer.headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", 'a"b', "<script>", "é"])
def test_an_id_that_does_not_look_like_one_is_replaced(client: TestClient, given: str) -> None:
    first = client.simulate_get("/health", headers={"X-Request-ID": given})
    second = client.simulate_get("/health", headers={"X-Request-ID": given})

    assert given != first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
