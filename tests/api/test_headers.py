"""Headers that every answer has, and what may be kept of an answer by whom."""

import pytest
from falcon.testing import Result, TestClient

from nestegg_core.api.app import operations
from nestegg_core.application import Runtime
from support.household import Household
from support.samples import request_for
from support.serving import Serve
from support.staff import promote

HSTS = "Strict-Transport-Security"


def answers(client: TestClient, household: Household) -> list[Result]:
    """Return an answer of each kind: good ones, refusals, errors, and what is no operation."""
    return [
        client.simulate_get("/livez"),
        client.simulate_get("/docs"),
        client.simulate_get("/openapi.json"),
        client.simulate_get("/nothing"),
        client.simulate_put("/livez"),
        client.simulate_options("/api/v1/me"),
        client.simulate_head("/api/v1/me"),
        client.simulate_get("/api/v1/me"),
        client.simulate_post("/api/v1/auth/login", body=b"{"),
        client.simulate_post("/api/v1/auth/login", json={}),
        household.get("/api/v1/me"),
        household.get("accounts"),
    ]


def test_every_answer_has_the_headers_that_protect_it(
    client: TestClient, household: Household
) -> None:
    for answer in answers(client, household):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"]


def test_an_error_that_nobody_expected_has_them_too(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve()

    def fail(*_arguments: object) -> None:
        raise ValueError("nobody expected this")

    monkeypatch.setattr(serve.started[0].sign_in_directory, "entries", fail)
    answer = client.simulate_get("/api/v1/auth/providers")

    assert answer.status_code == 500
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("base_url", "https"), [("https://nest.example", True), ("http://nest.example", False)]
)
def test_browsers_are_told_to_stay_with_https_where_the_server_has_it(
    serve: Serve, base_url: str, https: bool
) -> None:
    client = serve(APP_BASE_URL=base_url)

    for path in ("/livez", "/docs", "/nothing", "/api/v1/me"):
        given = client.simulate_get(path).headers.get(HSTS)
        assert given == ("max-age=31536000" if https else None), path


def test_what_is_somebodys_rests_on_no_disk(runtime: Runtime, household: Household) -> None:
    promote(runtime, household)
    for op in operations(runtime):
        if op.public:
            continue
        request = request_for(op, household)
        answer = household.call("GET", request.path(household.org_id))
        assert answer.headers["Cache-Control"] == "no-store", op.path


def test_what_an_app_keeps_by_itself_is_still_304_and_stays_off_disks(household: Household) -> None:
    tag = household.get("/api/v1/me").headers["ETag"]
    again = household.call("GET", "/api/v1/me", headers={"If-None-Match": tag})

    assert again.status_code == 304
    assert again.headers["Cache-Control"] == "no-store"
