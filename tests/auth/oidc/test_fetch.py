"""Fetching over real TLS, and from servers that only pretend to speak it."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from time import monotonic

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from nestegg_core.auth.oidc.discovery import Deadline, FetchFailed, fetch, url_problem

SECONDS = 0.3


@contextmanager
def server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen on a free port of loopback, and hand the first connection to `talk`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):  # the client hangs up, or nobody came
            connection, _ = listener.accept()
            with connection:
                talk(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a key and a certificate of 127.0.0.1, which signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + made.public_bytes(Encoding.PEM))
    return file


def https(certificate: Path) -> Callable[[socket.socket], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(4096)
            secured.sendall(b"HTTP/1.1 200 OK\r\nAge: 7\r\nContent-Length: 2\r\n\r\n{}")

    return talk


def get(url: str, *, loopback: bool = False) -> bytes:
    with Deadline(5) as deadline:
        return fetch(url, deadline, allow_loopback_http=loopback).content


def test_https_with_a_trusted_certificate_is_read(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with server(https(certificate)) as port:
        assert get(f"https://127.0.0.1:{port}/keys") == b"{}"


def test_https_with_an_untrusted_certificate_is_refused(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with server(https(certificate)) as port, pytest.raises(FetchFailed, match="SSLError"):
        get(f"https://127.0.0.1:{port}/keys")


def test_handshake_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    gone = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"\x16\x03\x03\x3f\x00\x02\x00\x3e\xfc")  # a long handshake record
        while not gone.wait(0.02):
            connection.sendall(b"\x00")

    started = monotonic()
    with server(drip) as port:
        with (
            pytest.raises(FetchFailed, match=r"within 0\.3 seconds"),
            Deadline(SECONDS) as deadline,
        ):
            fetch(f"https://127.0.0.1:{port}/keys", deadline, allow_loopback_http=False)
        gone.set()
    assert monotonic() - started < 3


def test_one_deadline_holds_for_several_requests() -> None:
    def hang(connection: socket.socket) -> None:
        while connection.recv(4096):
            pass

    started = monotonic()
    with server(hang) as first, server(hang) as second, Deadline(SECONDS) as deadline:
        for port in (first, second):
            with pytest.raises(FetchFailed, match=r"within 0\.3 seconds"):
                fetch(f"http://127.0.0.1:{port}/", deadline, allow_loopback_http=True)
    assert monotonic() - started < 2 * SECONDS + 2


def test_answer_that_breaks_off_is_refused() -> None:
    def half(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}")

    with server(half) as port, pytest.raises(FetchFailed, match="the request failed"):
        get(f"http://127.0.0.1:{port}/", loopback=True)


def test_proxies_of_the_environment_are_not_asked_for_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with server(answer) as port:
        assert get(f"http://127.0.0.1:{port}/", loopback=True) == b"{}"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "id.example",
        "//id.example",
        "ftp://id.example",
        "file:///etc/passwd",
        "http://id.example",
        "http://127.0.0.1.id.example",
        "http://localhost.id.example",
        "http://127.0.0.1@id.example",
        "https://user:word@id.example",
        "https://id.example/#part",
        "https://id.example/ ",
        "https://id.example:port",
        "https://[::1",
        "https://",
    ],
)
def test_address_is_not_allowed_even_where_loopback_is(url: str) -> None:
    assert url_problem(url, allow_loopback_http=True) is not None
    with pytest.raises(FetchFailed, match="the address"):
        get(url, loopback=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"])
def test_plain_http_on_loopback_needs_the_opt_in(host: str) -> None:
    url = f"http://{host}:8080/keys"
    assert url_problem(url, allow_loopback_http=True) is None
    problem = url_problem(url, allow_loopback_http=False)
    assert problem is not None
    assert "OIDC_ALLOW_LOOPBACK_HTTP" in problem
