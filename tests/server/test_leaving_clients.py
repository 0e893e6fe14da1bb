"""Clients that leave, whenever they like, are no errors of the server."""

import socket
import struct
from pathlib import Path

import pytest
import requests

from support.command_line import Server, started

PATIENCE = 10
TIMES = 20
"""Each way of leaving, for what the server is doing meanwhile differs from time to time."""

POST = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
PAGE = b"GET /docs HTTP/1.1\r\nHost: x\r\n"
LEAVING = {
    "after nothing": (b"", 0),
    "after half a head": (b"GET /livez HT", 0),
    "before its answer": (LIVEZ + b"\r\n", 0),
    "before its last answer": (LIVEZ + b"Connection: close\r\n\r\n", 0),
    "before many answers": ((LIVEZ + b"\r\n") * 50, 0),
    "before a long answer": (PAGE + b"\r\n", 0),
    "within a long answer": (PAGE + b"\r\n", 100),
    "within its last answer": (PAGE + b"Connection: close\r\n\r\n", 100),
    "within a body that is refused": (
        POST + b"Content-Length: 50000000\r\n\r\n" + b"x" * 200_000,
        0,
    ),
    "within a body": (POST + b"Content-Length: 200000\r\n\r\n" + b"x" * 100_000, 0),
    "before its body": (POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", 0),
    "behind an answer, before its body": (
        LIVEZ + b"\r\n" + POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        0,
    ),
    "within chunks": (POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", 0),
}


def leave(server: Server, sent: bytes, taken: int, *, reset: bool) -> None:
    """Send, take so many bytes of the answer, and go, with a farewell or without one."""
    host, _, port = server.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as client:
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        try:
            client.sendall(sent)
            while taken and (piece := client.recv(taken)):
                taken -= len(piece)
        except ConnectionError:  # it is refused before all of it is sent
            pass


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
def test_clients_that_leave_are_no_errors(tmp_path: Path, reset: bool) -> None:
    variables = {"ENVIRONMENT": "test", "NESTEGG_HOME": str(tmp_path), "LOG_LEVEL": "WARNING"}
    options = ("--workers", "1", "--metrics-port", "0")
    with started("serve", *options, variables=variables) as server:
        for sent, taken in LEAVING.values():
            for _ in range(TIMES):
                leave(server, sent, taken, reset=reset)
        alive = requests.get(f"{server.address}/livez", timeout=PATIENCE)
        code, logged = server.stop()

    assert (alive.status_code, code) == (200, 0)
    assert [line for line in logged.splitlines() if "[nestegg.start]" not in line] == []
