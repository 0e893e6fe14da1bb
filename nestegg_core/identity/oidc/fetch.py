"""Fetching a provider's documents: little, over TLS, from where we asked, and in time."""

import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

MAX_DOCUMENT_BYTES = 256 * 1024
_CHUNK_BYTES = 16 * 1024
_OK = 200


class FetchFailed(Exception):
    """A document could not be had; the message says why, for logs."""


@dataclass(frozen=True, slots=True)
class Document:
    """What was fetched.

    Attributes:
        cache_control: the answer's header, or an empty string.
        age: seconds that a proxy had kept the answer (RFC 9111, 5.1).
    """

    content: bytes = field(repr=False)
    cache_control: str = ""
    age: int = 0


def url_problem(url: str, *, allow_loopback_http: bool) -> str | None:
    """Say why nothing may be fetched from an address; `None` when it may.

    Example:
        >>> url_problem("https://id.example/keys", allow_loopback_http=False) is None
        True
        >>> url_problem("http://127.0.0.1:8080/keys", allow_loopback_http=True) is None
        True
        >>> url_problem("http://id.example/keys", allow_loopback_http=True)
        'must begin with https://'
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return "is not a URL"
    if any(character.isspace() for character in url):
        return "must not contain spaces"
    if not host or parts.username is not None or parts.fragment:
        return "must name a host, and have neither credentials nor a fragment"
    if parts.scheme == "https" or (
        parts.scheme == "http" and allow_loopback_http and _is_loopback(host)
    ):
        return None
    if parts.scheme == "http" and _is_loopback(host):
        return "must begin with https:// (OIDC_ALLOW_LOOPBACK_HTTP=true allows http on loopback)"
    return "must begin with https://"


def fetch(url: str, deadline: "Deadline", *, allow_loopback_http: bool) -> Document:
    """Get a document with one request. Redirects are not followed.

    Args:
        url: where to fetch.
        deadline: entered by the caller, and shared by requests that have to be done in one time.
        allow_loopback_http: whether plain http is allowed on loopback addresses.

    Raises:
        FetchFailed: the address is not allowed, the answer is not a 200, too long, or not
            complete at the deadline.
    """
    problem = url_problem(url, allow_loopback_http=allow_loopback_http)
    if problem is not None:
        raise FetchFailed(f"the address {problem}")
    try:
        with requests.Session() as session:
            # A proxy of the environment has no business with loopback.
            session.trust_env = url.startswith("https:")
            session.mount("https://", _WatchedAdapter(deadline))
            session.mount("http://", _WatchedAdapter(deadline))
            with session.get(
                url,
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                timeout=deadline.remaining(),
                allow_redirects=False,
                stream=True,
            ) as response:
                return _read(response, deadline)
    except (requests.RequestException, OSError) as error:
        deadline.check()
        raise FetchFailed(f"the request failed: {type(error).__name__}") from error


def _read(response: requests.Response, deadline: "Deadline") -> Document:
    if response.status_code != _OK:
        raise FetchFailed(f"the answer has status {response.status_code}")
    content = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        content += chunk
        if len(content) > MAX_DOCUMENT_BYTES:
            raise FetchFailed(f"the answer is longer than {MAX_DOCUMENT_BYTES} bytes")
    deadline.check()
    age = response.headers.get("Age", "")
    return Document(
        content=bytes(content),
        cache_control=response.headers.get("Cache-Control", ""),
        age=int(age) if age.isascii() and age.isdigit() else 0,
    )


class Deadline:
    """One time limit for connecting, for the answer's head and for its body together.

    The limits of sockets hold for single reads, so that a server that sends a byte now and then
    could keep a thread for ever. When the time is up, this shuts the connections down instead.

    Args:
        seconds: from entering the context to the end.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends = 0.0
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "Deadline":
        self._ends = time.monotonic() + self._seconds
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            while self._sockets:
                self._sockets.pop().close()

    def remaining(self) -> float:
        """Return the seconds that are left, never less than a millisecond."""
        return max(0.001, self._ends - time.monotonic())

    def check(self) -> None:
        """Raise when the time is up.

        Raises:
            FetchFailed: it is.
        """
        if time.monotonic() >= self._ends:
            raise FetchFailed(f"there was no complete answer within {self._seconds:g} seconds")

    def watch(self, connection: socket.socket) -> None:
        """Shut this connection down when the time is up, at once if it is up already."""
        with self._lock:
            # A duplicate, because wrapping a socket in TLS takes its descriptor away.
            self._sockets.append(connection.dup())
        if time.monotonic() >= self._ends:
            self._cut()

    def _cut(self) -> None:
        with self._lock:
            for connection in self._sockets:
                with suppress(OSError):  # it was closed by the other side already
                    connection.shutdown(socket.SHUT_RDWR)


class _WatchedAdapter(HTTPAdapter):
    """Tells a deadline of every connection before a byte, even of TLS, goes over it."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        deadline = self._deadline

        class Watched(pool.ConnectionCls):  # type: ignore[misc]
            def _new_conn(self) -> socket.socket:
                connection: socket.socket = super()._new_conn()
                deadline.watch(connection)
                return connection

        pool.ConnectionCls = Watched
        return pool


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
