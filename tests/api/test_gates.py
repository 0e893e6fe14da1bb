"""What stands before every operation: host names, origins, migrations."""

import re
from pathlib import Path

import pytest
import structlog
from falcon.testing import TestClient

from nestegg_core.api.middleware.gates import READABLE
from nestegg_core.api.openapi import HEADERS
from nestegg_core.application import Runtime
from support.serving import Serve

DOCS = Path(__file__).parents[2] / "docs"
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


@pytest.mark.parametrize("allowed", ["[2001:db8::7]", "2001:DB8:0::7"])
def test_an_address_is_allowed_in_every_spelling(serve: Serve, allowed: str) -> None:
    client = serve(ALLOWED_HOSTS=allowed)

    for host in ("[2001:db8::7]:8000", "[2001:DB8:0:0::7]"):
        assert status(client, "/docs", host) == 200


@pytest.mark.parametrize("host", ["nest.example:", "NEST.example:", "[2001:db8::7]:", "10.0.0.7"])
def test_a_port_may_be_empty(serve: Serve, host: str) -> None:
    client = serve(ALLOWED_HOSTS="nest.example,10.0.0.7,2001:db8::7")

    assert status(client, "/docs", host) == 200


@pytest.mark.parametrize(
    "host",
    ["nest.example:x",
     "nest.example:-1", "nest.example:+1", "nest.example:\u0661", "nest.example:8 0",
     "nest.example:80:80", "[::1", "::1", "a b", "a/b", "user@nest.example", "nest.example,x"],
)  # fmt: skip
@pytest.mark.parametrize("allowed", ["nest.example", "*"])
def test_a_host_that_is_none_is_400(serve: Serve, host: str, allowed: str) -> None:
    client = serve(ALLOWED_HOSTS=allowed)

    answer = client.simulate_get("/docs", headers={"Host": host})

    assert (answer.status_code, answer.json["type"]) == (400, "urn:nestegg:problem:malformed-host")
    assert [status(client, path, host) for path in PROBES] == [200, 200, 200]


@pytest.mark.parametrize("path", ["//api/v1/me", "/api//v1/me", "/api/v1//me", "//docs", "//"])
def test_a_path_with_an_empty_segment_leads_nowhere(client: TestClient, path: str) -> None:
    for method in ("GET", "POST"):
        assert client.simulate_request(method, path).status_code == 404


def test_a_prefix_that_a_client_names_leads_nowhere(client: TestClient) -> None:
    for path in ("/api/v1/me", "/docs", "/"):
        answer = client.simulate_get(path, extras={"SCRIPT_NAME": "/zzz"})
        assert answer.status_code == 404
    named = client.simulate_get("/docs", headers={"Script-Name": "/zzz", "Script_Name": "/zzz"})
    assert named.status_code == 200


HTTPS = {"APP_BASE_URL": "https://nest.example", "FORWARDED_ALLOW_IPS": "127.0.0.1"}


@pytest.mark.parametrize("scheme", ["http", "HTTP", "https, http", "http,https", "", "ws"])
def test_what_came_to_the_proxy_by_http_is_sent_on_or_refused(serve: Serve, scheme: str) -> None:
    client = serve(**HTTPS)
    headers = {"X-Forwarded-Proto": scheme}
    for path in ("/docs", "/nothing", "/api/v1/me", "/docs%0d%0aX: y"):
        answer = client.simulate_get(path, query_string="a=1%0d", headers=headers)
        assert answer.status_code == 308
        quoted = path.replace("%0d%0aX: y", "%0D%0AX%3A%20y")
        assert answer.headers["Location"] == f"https://nest.example{quoted}?a=1%0d"
    secrets = {**headers, "Authorization": "Bearer x"}
    for answer in (
        client.simulate_post("/api/v1/auth/login", json={}, headers=headers),
        client.simulate_get("/api/v1/me", headers=secrets),
        client.simulate_delete("/api/v1/me/sessions", headers=secrets),
    ):
        assert answer.status_code == 403
        assert answer.json["type"] == "urn:nestegg:problem:https-required"
    assert [client.simulate_get(path, headers=headers).status_code for path in PROBES] == [200] * 3


def test_what_came_by_https_or_says_nothing_of_it_is_answered(serve: Serve) -> None:
    client = serve(**HTTPS)
    for headers in ({}, {"X-Forwarded-Proto": "https"}, {"X-Forwarded-Proto": "https, HTTPS"}):
        assert client.simulate_get("/docs", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("settings", "peer"),
    [(HTTPS, "192.0.2.1"), ({**HTTPS, "APP_BASE_URL": "http://nest.example"}, "127.0.0.1")],
)
def test_only_our_proxies_are_believed_and_only_where_there_is_https(
    serve: Serve, settings: dict[str, str], peer: str
) -> None:
    answer = serve(**settings).simulate_get(
        "/docs", headers={"X-Forwarded-Proto": "http"}, remote_addr=peer
    )

    assert answer.status_code == 200


def test_what_a_gate_refuses_is_told_with_its_route(serve_fresh: Serve) -> None:
    client = serve_fresh(ALLOWED_HOSTS="nest.example")  # and nobody has migrated its database
    hosts = ({"Host": "nest.example"}, {"Host": "evil.example"}, {"Host": "a b"})
    with structlog.testing.capture_logs() as logs:
        for headers in hosts:
            client.simulate_get("/api/v1/me", headers=headers)
            client.simulate_get("/quokka", headers=headers)

    routes = [one["route"] for one in logs if one["event"] == "request"]
    assert routes == ["/api/v1/me", "unmatched"] * 3


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
    assert set(exposed) == set(READABLE)
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_every_header_that_the_docs_name_may_be_read_by_an_app_in_a_browser() -> None:
    sent = {"Idempotency-Key", "If-Match", "If-None-Match", "Authorization", "Content-Type", "Host"}
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[A-Z][A-Za-z]*-)+[A-Z][A-Za-z]*|ETag|Location|Allow)`", page))

    assert {"ETag", "Retry-After", "WWW-Authenticate"} <= named
    assert named - sent <= set(READABLE)
    assert set(HEADERS) <= set(READABLE)


@pytest.mark.parametrize("headers", [{}, {"Origin": ORIGIN}, {"Origin": "https://evil.example"}])
def test_a_cache_is_told_that_answers_differ_by_origin(
    serve: Serve, headers: dict[str, str]
) -> None:
    client = serve(CORS_ORIGINS=f"{ORIGIN},https://b.example")

    for path in ("/api/v1/me", "/nothing", "/docs"):
        assert "Origin" in client.simulate_get(path, headers=headers).headers["Vary"].split(", ")


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
