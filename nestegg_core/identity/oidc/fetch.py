"""Fetching a provider's documents: little, over TLS, from where we asked, and in time."""

import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from types import TracebackType
from urllib.parse import urlsplit

MAX_DOCUMENT_BYTES = 256 * 1024


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
    from nestegg_core.identity.oidc.request import get  # noqa: PLC0415 - see that file's head

    return get(url, deadline)


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


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
