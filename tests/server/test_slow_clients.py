"""Clients that send slowly, and requests that wait, stop nobody else."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import requests

from nestegg_core.server.worker import IN_MEMORY
from support.command_line import Server, started

PATIENCE = 10
"""Seconds. A server whose threads are all held answers after 15 at the earliest."""

SOON = 1
"""Seconds within which a probe is answered."""

MANY = 30
"""Clients; there are four threads."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    variables = {
        "ENVIRONMENT": "test",
        "NESTEGG_HOME": str(tmp_path_factory.mktemp("home")),
        "LOG_LEVEL": "WARNING",  # nobody reads what it logs: with a line for each it would fill up
    }
    options = ("--workers", "1", "--threads", "4")
    with started("serve", *options, variables=variables) as running:
        yield running


def connected(server: Server) -> socket.socket:
    host, _, port = server.address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


def answers(server: Server) -> None:
    """See that a request which is no probe gets a thread."""
    answer = requests.get(f"{server.address}/api/v1/me", timeout=PATIENCE)
    assert answer.status_code == 401


HEAD = (
    b"POST /api/v1/auth/refresh HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /livez HT",
        HEAD,
        HEAD + b'Content-Length: 100\r\n\r\n{"refresh',
        HEAD + b"Content-Length: 100\r\n\r\n",
        HEAD + b"Content-Length: 100000\r\n\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        HEAD + b"Expect: 100-continue\r\nContent-Length: 20\r\n\r\n",
        HEAD + b"Authorization: Bearer x\r\nContent-Length: 40000\r\n\r\n",
        HEAD + b"Connection: close\r\nContent-Length: 40000\r\n\r\n",
        HEAD.replace(b"1.1", b"1.0") + b"Content-Length: 40000\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"garbage\r\n\r\n",
    ],
    ids=[
        "nothing",
        "half a line",
        "half a head",
        "half a body",
        "a small body",
        "a large body",
        "chunks",
        "half of the chunks",
        "a body that is asked for",
        "a body behind a token",
        "a body before a close",
        "a body by HTTP/1.0",
        "a body for a probe",
        "no close behind a close",
        "garbage",
    ],
)
def test_clients_that_stop_sending_hold_no_thread(server: Server, sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(MANY):
            stack.enter_context(connected(server)).sendall(sent)

        answers(server)
        began = time.monotonic()
        assert requests.get(f"{server.address}/livez", timeout=PATIENCE).status_code == 200
        assert time.monotonic() - began < SOON


def test_a_request_that_comes_byte_by_byte_is_answered(server: Server) -> None:
    body = b'{"refresh_token": "unknown"}'
    message = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with connected(server) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for position in range(len(message)):
            client.sendall(message[position : position + 1])
        answer = client.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"unauthenticated" in answer


def test_two_requests_in_one_piece_get_two_answers(server: Server) -> None:
    one = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with connected(server) as client:
        client.sendall(one + last)
        answer = client.makefile("rb").read()

    assert answer.count(b"HTTP/1.1 200 ") == 2


def test_a_connection_is_kept_for_the_next_request(server: Server) -> None:
    with requests.Session() as session:
        for _ in range(3):
            assert session.get(f"{server.address}/livez", timeout=PATIENCE).status_code == 200
            assert session.get(f"{server.address}/api/v1/me", timeout=PATIENCE).status_code == 401


def test_a_client_that_gives_up_in_the_middle_is_forgotten(server: Server) -> None:
    for _ in range(MANY):
        with connected(server) as client:
            client.sendall(HEAD)

    answers(server)


def test_a_large_body_arrives_whole(server: Server) -> None:
    token = "x" * (2 * IN_MEMORY)
    answer = requests.post(
        f"{server.address}/api/v1/auth/refresh", json={"refresh_token": token}, timeout=PATIENCE
    )

    assert answer.status_code == 422


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(server: Server) -> None:
    body = b'{"refresh_token": "unknown"}'
    with connected(server) as client:
        head = HEAD + b"Expect: 100-continue\r\nConnection: close\r\n"
        client.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body))
        answer = client.makefile("rb")
        assert answer.readline() == b"HTTP/1.1 100 Continue\r\n"
        client.sendall(body)
        assert b"HTTP/1.1 401 " in answer.read()
