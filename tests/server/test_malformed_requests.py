"""What is no request, or could be read as two, is refused by the server itself."""

import importlib.metadata
import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from support.command_line import Server, started

PATIENCE = 10
GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    variables = {
        "ENVIRONMENT": "test",
        "NESTEGG_HOME": str(tmp_path_factory.mktemp("home")),
        "CORS_ORIGINS": "https://app.example.org",
        "LOG_FORMAT": "json",
    }
    options = ("--workers", "1", "--threads", "4", "--metrics-port", "0")
    with started("serve", *options, variables=variables) as running:
        yield running


def ask(server: Server, sent: bytes, *, leave: bool = False) -> bytes:
    """Send bytes, and return all that comes until the server closes."""
    host, _, port = server.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as client:
        client.sendall(sent)
        if leave:
            client.shutdown(socket.SHUT_WR)
        return client.makefile("rb").read()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def request(line: bytes = b"GET /livez HTTP/1.1", *headers: bytes, host: bytes = b"x") -> bytes:
    return b"\r\n".join([line, b"Host: " + host, *headers, b"Connection: close", b"", b""])


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"+2\r\n{}\r\n0\r\n\r\n",
        b"1_0\r\n",
        b"-2\r\n",
        b"\r\n2\r\n{}\r\n0\r\n\r\n",
        b"2 \r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}0\r\n\r\n",
        b"2\r\n{}zz\r\n0\r\n\r\n",
        b"2\n{}\n0\n\n",
        b"2;a\nb\r\n{}\r\n0\r\n\r\n",
        b"2;" + b"a" * 1_000_000,
        b"fffffffffffffffff\r\n",
        b"2\r\n{}\r\n0\r\nX-Trailer: y\r\n\r\n",
        b"1\r\n{\r\n" * 20_000,
    ],
    ids=[
        *("letters", "0x", "plus", "underscore", "negative", "no size", "blank", "no line end"),
        *("too long", "LF", "LF in an extension", "an endless extension", "huge", "a trailer"),
        "one byte each",
    ],
)
def test_malformed_chunks_are_400(server: Server, chunks: bytes) -> None:
    try:
        answer = ask(server, CHUNKED + chunks)
    except ConnectionResetError:  # it did not wait until all was sent
        pytest.fail("the answer was lost")

    assert status(answer) == 400
    assert b"\r\nContent-Type: application/problem+json\r\n" in answer


def test_chunks_with_extensions_are_put_together(server: Server) -> None:
    head = POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = ask(server, head + b'1;x\r\n{\r\nb ;y="z"\r\n"email": 1}\r\n0\r\n\r\n')

    assert status(answer) == 422
    assert b"/email" in answer


SMUGGLED = {
    "length and chunks": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "chunks by HTTP/1.0": POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n",
    "a blank before a colon": POST + b"Transfer-Encoding : chunked\r\n\r\n",
    "two lengths": POST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    **{
        f"length {given!r}": POST + b"Content-Length: " + given + b"\r\n\r\nabcd"
        for given in (b"+4", b"-1", b"0x4", b"4_0", b"4, 4", b"4 4", b"\xb2", b"9" * 5000, b"")
    },
    "a folded header": GET + b"X: a\r\n b\r\n\r\n",
    "CR in a header": GET + b"X: a\rb\r\n\r\n",
    "LF in a header": GET + b"X: a\nY: b\r\n\r\n",
    "NUL in a header": GET + b"X: a\0b\r\n\r\n",
    "no colon": GET + b"X a\r\n\r\n",
    "no name": GET + b": a\r\n\r\n",
    "two hosts": GET + b"Host: y\r\n\r\n",
    "a list of hosts": request(host=b"a, b"),
    "a user in the host": request(host=b"a@127.0.0.1"),
    "no host": b"GET /livez HTTP/1.1\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "a proxy's greeting": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + GET + b"\r\n",
    "two slashes": request(b"GET //api/v1/me HTTP/1.1"),
    "two slashes, encoded": request(b"GET /%2fapi/v1/me HTTP/1.1"),
    "a host as target": request(b"CONNECT x:443 HTTP/1.1"),
    "another scheme": request(b"GET ftp://x/livez HTTP/1.1"),
    "a user in the target": request(b"GET http://a@x/livez HTTP/1.1"),
    "half an address": request(b"GET http://[::1/livez HTTP/1.1"),
    "a fragment": request(b"GET /livez#x HTTP/1.1"),
    "a control character": request(b"GET /\x01 HTTP/1.1"),
    "letters beyond ASCII": request("GET /ä HTTP/1.1".encode()),
    "a small method": request(b"get /livez HTTP/1.1"),
    "two blanks": request(b"GET  /livez HTTP/1.1"),
    "a blank at the beginning": request(b" GET /livez HTTP/1.1"),
    "LF behind the request line": b"GET /livez HTTP/1.1\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("sent", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_what_two_servers_could_read_differently_is_400(server: Server, sent: bytes) -> None:
    answer = ask(server, sent + GET + b"\r\n")

    assert status(answer) == 400
    assert answer.count(b"HTTP/1.1 ") == 1  # nothing behind it is taken for a request


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x5a" * 32,
        b"GET /livez\r\n",
        b"GET /livez HTTP/1.1\nHost: a\n\n",
        b"GET /livez HTTP/1.1\r\nHost: a\n\n",
        b"\n\n",
        b"\r\n\n",
        b"garbage\r\n",
        b"a" * 100,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00",
        b" GET",
        b"GET /\x01",
        b"GET /livez FTP",
        b"GET /livez HTTP/1.1 and more",
    ],
)
def test_what_cannot_become_a_request_is_400_at_once(server: Server, sent: bytes) -> None:
    """The client waits for the answer, and sends no more."""
    before = time.monotonic()
    answer = ask(server, sent)

    assert status(answer) == 400
    assert time.monotonic() < before + PATIENCE / 2


@pytest.mark.parametrize("size", [1, 3])
def test_a_request_may_come_in_pieces_and_behind_empty_lines(server: Server, size: int) -> None:
    host, _, port = server.address.removeprefix("http://").partition(":")
    sent = b"\r\n" + request(b"GET /livez?a=b HTTP/1.1")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(0, len(sent), size):
            client.sendall(sent[place : place + size])
        assert status(client.makefile("rb").read()) == 200


@pytest.mark.parametrize(
    "sent",
    [CHUNKED + b"5\r\nab", POST + b"Content-Length: 50\r\n\r\n{", CHUNKED],
    ids=["chunks", "a body", "no chunk"],
)
def test_a_body_that_ends_early_is_400(server: Server, sent: bytes) -> None:
    answer = ask(server, sent, leave=True)

    assert status(answer) == 400
    assert b"ends early" in answer


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n", 501),
        (request(b"GET /livez HTTP/2.0"), 505),
        (request(b"GET /" + b"a" * 9_000 + b" HTTP/1.1"), 414),
        (request(b"GET /livez HTTP/1.1", b"X: " + b"a" * 40_000), 431),
        (request(b"GET /livez HTTP/1.1", *[b"X: a"] * 200), 431),
        (POST + b"Content-Length: 99999999\r\n\r\n", 413),
        (POST + b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n", 413),
        (POST + b"Content-Length: 262145\r\n\r\n", 413),
        (POST + b"Expect: 100-continue\r\nContent-Length: 262145\r\n\r\n", 413),
        (CHUNKED + b"40001\r\n", 413),
    ],
)
def test_the_servers_own_errors_look_like_the_apis(
    server: Server, sent: bytes, expected: int
) -> None:
    answer = ask(server, sent)
    head, _, body = answer.partition(b"\r\n\r\n")
    of_the_api = ask(server, request(b"GET /nowhere HTTP/1.1")).partition(b"\r\n\r\n")[0]

    assert status(answer) == expected
    assert names(head) == names(of_the_api)
    problem = json.loads(body)
    assert problem["status"] == expected
    assert problem["type"].startswith("urn:nestegg:problem:")


def names(head: bytes) -> set[bytes]:
    return set(re.findall(rb"\r\n([^:]+):", head))


@pytest.mark.parametrize(
    "sent",
    [CHUNKED + b"5\r\nab", POST + b"Content-Length: 50\r\n\r\n{", POST],
    ids=["chunks", "a body", "a head"],
)
def test_a_client_that_leaves_in_the_middle_is_no_error(tmp_path: Path, sent: bytes) -> None:
    variables = {"ENVIRONMENT": "test", "NESTEGG_HOME": str(tmp_path), "LOG_FORMAT": "json"}
    with started("serve", "--metrics-port", "0", variables=variables) as server:
        answer = ask(server, sent, leave=True)
        _, logged = server.stop()

    assert answer == b"" or status(answer) == 400
    events = [json.loads(line) for line in logged.splitlines()]
    told = [
        event
        for event in events
        if event["event"] == "a request did not come to its end" or event.get("status") == 400
    ]
    assert [event["level"] for event in told] == ["info"]
    assert not [event for event in events if event["level"] in {"error", "critical"}]
    assert "exception" not in logged


def test_a_client_that_says_that_it_sends_no_more_is_answered(server: Server) -> None:
    assert status(ask(server, GET + b"\r\n", leave=True)) == 200


def test_a_path_prefix_from_the_client_is_not_believed(server: Server) -> None:
    prefixes = (b"SCRIPT_NAME: /zzz", b"Script-Name: /zzz", b"X-Script-Name: /zzz")

    assert status(ask(server, request(b"GET /zzz/livez HTTP/1.1", *prefixes))) == 404


def test_names_with_underscores_count_as_nothing(server: Server) -> None:
    assert status(ask(server, request(b"GET /livez HTTP/1.1", b"Content_Length: 5"))) == 200


def test_the_host_of_an_absolute_target_counts(tmp_path: Path) -> None:
    variables = {
        "ENVIRONMENT": "test",
        "NESTEGG_HOME": str(tmp_path),
        "ALLOWED_HOSTS": "app.example.org",
    }
    path = b"/openapi.json HTTP/1.1"
    with started("serve", "--metrics-port", "0", variables=variables) as server:
        ours = ask(server, request(b"GET http://app.example.org" + path, host=b"evil.example"))
        other = ask(server, request(b"GET http://evil.example" + path, host=b"app.example.org"))

    assert (status(ours), status(other)) == (200, 421)


def test_an_answer_without_a_body_keeps_the_connection(server: Server) -> None:
    head = b"HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = ask(server, head + head + request())

    assert answer.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize("line", [b"Connection: close, TE", b"Connection: TE, Close"])
def test_close_counts_within_a_list(server: Server, line: bytes) -> None:
    answer = ask(server, GET + line + b"\r\n\r\n" + GET + b"\r\n")

    assert answer.count(b"HTTP/1.1 200 OK") == 1


def test_an_announced_body_that_is_empty_awaits_no_word(server: Server) -> None:
    answer = ask(server, request(b"GET /livez HTTP/1.1", b"Expect: 100-continue"))

    assert status(answer) == 200


def test_the_versions_are_those_whose_private_parts_are_known() -> None:
    """`gunicorn_worker.py` leans on them: look at it, and at what changed, before this changes."""
    needed = [Requirement(one) for one in importlib.metadata.requires("nestegg-core") or ()]
    bounds = {one.name: one.specifier for one in needed if one.name in {"gunicorn", "waitress"}}

    assert "3.1" not in bounds["waitress"]
    assert "28" not in bounds["gunicorn"]
    assert Version(importlib.metadata.version("waitress")) < Version("3.1")
    assert Version(importlib.metadata.version("gunicorn")) < Version("28")
