"""What stands before every operation: host names, origins, migrations."""

import pytest
from falcon.testing import TestClient

from nestegg_core.runtime import Runtime
from support.serving import Serve

PROBES = ("/health", "/livez", "/readyz")
ELSEWHERE = ("/docs", "/openapi.json", "/api/v1/me", "/nothing")


def status(client: TestClient, path: str, host: str) -> int:
    return client.simulate_get(path, headers={"Host": host}).status_code


@pytest.mark.parametrize(
    "host", ["evil.example", "nest.example.evil.example", "", "nest.example.", "[::1]"]
)
def test_another_host_name_is_421_except_for_probes(serve: Serve, host: str) -> None:
    client = serve(ALLOWED_HOSTS="nest.example,10.0.0.7")

    for path in ELSEWHERE:
        answer = client.simulate_get(path, headers={"Host": host})
        assert answer.status_code == 421, path
        assert answer.json["type"] == "urn:nestegg:problem:misdirected-request"
    assert [status(client, path, host) for path in PROBES] == [200, 200, 200]


@pytest.mark.parametrize("host", ["nest.example", "NEST.example:8443", "10.0.0.7:80"])
def test_an_allowed_host_name_counts_in_any_case_and_on_any_port(serve: Serve, host: str) -> None:
    client = serve(ALLOWED_HOSTS="nest.example,10.0.0.7")

    assert status(client, "/docs", host) == 200
    assert status(client, "/api/v1/me", host) == 401


def test_a_forwarded_host_name_is_not_believed(serve: Serve) -> None:
    client = serve(ALLOWED_HOSTS="nest.example")
    headers = {"Host": "evil.example", "X-Forwarded-Host": "nest.example"}

    assert client.simulate_get("/docs", headers=headers).status_code == 421


ORIGIN = "https://app.example"
CORS = "Access-Control-Allow-Origin"


@pytest.mark.parametrize("path", ["/health", "/api/v1/me", "/nothing"])
def test_a_configured_origin_may_read_every_answer(serve: Serve, path: str) -> None:
    answer = serve(CORS_ORIGINS=f"{ORIGIN},https://b.example").simulate_get(
        path, headers={"Origin": ORIGIN}
    )

    assert answer.headers[CORS] == ORIGIN
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"ETag", "Location", "X-Request-ID"} <= set(exposed)
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://app.example", f"{ORIGIN}.evil.example", "*"]
)
def test_another_origin_may_not(serve: Serve, origin: str) -> None:
    client = serve(CORS_ORIGINS=ORIGIN)
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}

    for method in ("GET", "OPTIONS"):
        answer = client.simulate_request(method, "/api/v1/me", headers=headers)
        assert CORS not in answer.headers


def test_nobody_else_may_read_where_no_origin_is_configured(client: TestClient) -> None:
    answer = client.simulate_get("/health", headers={"Origin": ORIGIN})

    assert CORS not in answer.headers


def test_a_browser_may_ask_what_it_may_send(serve: Serve) -> None:
    path = "/api/v1/organizations/0197f0a2-0000-7000-8000-000000000000/accounts"
    answer = serve(CORS_ORIGINS=ORIGIN).simulate_options(
        path,
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,if-match",
        },
    )

    assert answer.status_code == 200
    assert answer.headers[CORS] == ORIGIN
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].replace(" ", "").split(",")
    assert {"authorization", "content-type", "if-match"} <= set(allowed)


def test_below_head_only_probes_answer_until_the_migration_has_run(serve_fresh: Serve) -> None:
    client = serve_fresh()
    runtime: Runtime = serve_fresh.started[0]
    for path in ELSEWHERE:
        answer = client.simulate_get(path)
        assert answer.status_code == 503, path
        assert answer.json["type"] == "urn:nestegg:problem:migrations-pending"
        assert "nestegg db upgrade" in answer.json["detail"]
        assert answer.headers["Retry-After"]
    assert client.simulate_get("/health").status_code == 200
    assert client.simulate_get("/livez").status_code == 200
    ready = client.simulate_get("/readyz")
    assert (ready.status_code, ready.json["checks"]["migrations"]) == (503, "pending")

    runtime.storage.upgrade()

    assert client.simulate_get("/api/v1/me").status_code == 401
    assert client.simulate_get("/readyz").status_code == 200
