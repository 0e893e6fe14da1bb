"""The metrics' port: who gets in, and what is answered."""

import socket
from base64 import b64encode
from collections.abc import Iterator

import pytest
import requests

from nestegg_core.server.metrics_port import MetricsServer, serve_in_thread
from support.scraping import get

PASSWORD = "pässword: with a colon"


@pytest.fixture
def exposed() -> list[bytes]:
    return [b"nestegg_x 1\n"]


@pytest.fixture
def server(exposed: list[bytes]) -> Iterator[MetricsServer]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = serve_in_thread(listener, PASSWORD, lambda: exposed[0])
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def port(server: MetricsServer) -> int:
    return int(server.socket.getsockname()[1])


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(text.encode()).decode()}


GOOD = basic(f"admin:{PASSWORD}")


def test_whoever_knows_the_password_reads_them(port: int) -> None:
    answer = get(port, headers=GOOD)

    assert (answer.status_code, answer.content) == (200, b"nestegg_x 1\n")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert get(port, "/metrics?name[]=x", headers=GOOD).status_code == 200


def test_head_is_answered_without_a_body(port: int) -> None:
    answer = requests.head(f"http://127.0.0.1:{port}/metrics", headers=GOOD, timeout=10)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == "12"


@pytest.mark.parametrize("path", ["/metrics", "/", "/other"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("admin:"),
        basic("admin"),
        basic(PASSWORD),
        basic(f"root:{PASSWORD}"),
        basic(f"admin:{PASSWORD}x"),
        basic(f"admin:{PASSWORD[:-1]}"),
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": GOOD["Authorization"].replace("Basic", "Bearer")},
    ],
)
def test_nobody_else_reads_anything(port: int, headers: dict[str, str], path: str) -> None:
    answer = get(port, path, headers=headers)

    assert (answer.status_code, answer.text) == (401, "Unauthorized\n")
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")


def test_there_is_nothing_else(port: int) -> None:
    assert get(port, "/other", headers=GOOD).status_code == 404


@pytest.mark.parametrize(
    "request_line", [b"POST /quokka HTTP/1.1", b"quokka", b"GET /" + b"quokka" * 20_000]
)
def test_what_is_no_request_is_not_repeated(port: int, request_line: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(request_line + b"\r\n\r\n")
        answer = b""
        try:
            while part := client.recv(65536):
                answer += part
        except ConnectionResetError:
            assert answer or len(request_line) > 65536  # it was not read to its end

    assert b"quokka" not in answer
    assert b"200" not in answer[:20]


def test_an_exporter_that_fails_is_an_error_and_not_a_page_without_figures(
    port: int, exposed: list[bytes]
) -> None:
    exposed.clear()

    assert get(port, headers=GOOD).status_code == 500


def test_a_silent_client_stops_nobody(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10):
        assert get(port, headers=GOOD).status_code == 200
