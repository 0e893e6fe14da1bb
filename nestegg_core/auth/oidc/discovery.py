"""From an issuer to its keys and its endpoints (OpenID Connect Discovery 1.0).

What is fetched is little, comes over TLS, from the address that was asked, and in time.
"""

import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nestegg_core.auth.oidc.claims import Claims, json_object
from nestegg_core.auth.oidc.keys import KeySet, parse_key_set
from nestegg_core.auth.oidc.profile import OidcProfile
from nestegg_core.contracts.identity import AppSignIn

if TYPE_CHECKING:
    from requests import Response
    from requests.adapters import HTTPAdapter

MAX_DOCUMENT_BYTES = 256 * 1024
_CHUNK_BYTES = 16 * 1024
_OK = 200


class FetchFailed(Exception):
    """A document could not be had; the message says why, for logs."""


@dataclass(frozen=True, slots=True)
class Document:
    """What was fetched."""

    content: bytes = field(repr=False)
    cache_control: str = ""
    age: int = 0  # seconds that a proxy had kept the answer (RFC 9111, 5.1)


class Deadline:
    """One time limit for connecting, for the answer's head and for its body together.

    The limits of sockets hold for single reads, so that a server that sends a byte now and then
    could keep a thread for ever. When the time is up, this shuts the connections down instead.
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
        """Raise when the time is up."""
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


def fetch(url: str, deadline: Deadline, *, allow_loopback_http: bool) -> Document:
    """Get a document with one request. Redirects are not followed."""
    problem = url_problem(url, allow_loopback_http=allow_loopback_http)
    if problem is not None:
        raise FetchFailed(f"the address {problem}")
    return _get(url, deadline)


def _get(url: str, deadline: Deadline) -> Document:
    # Imported when something is fetched: requests takes five megabytes, and a process that verifies
    # no token needs none of them.
    from requests import RequestException, Session  # noqa: PLC0415

    try:
        with Session() as session:
            # A proxy of the environment has no business with loopback.
            session.trust_env = url.startswith("https:")
            adapter = _watched_by(deadline)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            with session.get(
                url,
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                timeout=deadline.remaining(),
                allow_redirects=False,
                stream=True,
            ) as response:
                return _read(response, deadline)
    except (RequestException, OSError) as error:
        deadline.check()
        raise FetchFailed(f"the request failed: {type(error).__name__}") from error


def _read(response: "Response", deadline: Deadline) -> Document:
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


def _watched_by(deadline: Deadline) -> "HTTPAdapter":
    """Show a deadline every connection before a byte, even of TLS, goes over it."""
    from requests.adapters import HTTPAdapter  # noqa: PLC0415

    class Adapter(HTTPAdapter):
        def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
            pool: Any = super().get_connection_with_tls_context(*args, **kwargs)

            class Watched(pool.ConnectionCls):  # type: ignore[misc]
                def _new_conn(self) -> socket.socket:
                    connection: socket.socket = super()._new_conn()
                    deadline.watch(connection)
                    return connection

            pool.ConnectionCls = Watched
            return pool

    return Adapter()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


ENDPOINTS = ("authorization_endpoint", "token_endpoint")
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,10})", re.IGNORECASE)
_NOT_TO_BE_KEPT = re.compile(r"(?:^|[\s,])no-(?:store|cache)(?:$|[\s,])", re.IGNORECASE)


def discovery_url(profile: OidcProfile) -> str:
    """Return where discovery is fetched (section 4 of the standard).

    Example:
        >>> acme = OidcProfile(name="acme", issuers=("https://id.example/x/",), client_ids=("a",))
        >>> discovery_url(acme)
        'https://id.example/x/.well-known/openid-configuration'
    """
    if profile.discovery_url is not None:
        return profile.discovery_url
    return profile.issuers[0].rstrip("/") + "/.well-known/openid-configuration"


def key_fetcher(
    profile: OidcProfile, *, allow_loopback_http: bool, seconds: float
) -> Callable[[], tuple[KeySet, int | None]]:
    """Make the function that fetches a provider's keys.

    Discovery is asked each time, so that a vendor may move its keys. Both requests share one
    deadline.

    Args:
        profile: whose keys.
        allow_loopback_http: whether plain http is allowed on loopback addresses.
        seconds: the deadline.

    Returns:
        a function that returns the keys and for how many seconds the provider says they may be
        kept (`None` when it does not say). It raises `FetchFailed` or `KeySetRefused`.
    """

    def get(url: str, deadline: Deadline) -> Document:
        return fetch(url, deadline, allow_loopback_http=allow_loopback_http)

    def fetch_keys() -> tuple[KeySet, int | None]:
        with Deadline(seconds) as deadline:
            url = profile.jwks_url
            if url is None:
                found = get(discovery_url(profile), deadline)
                url = _text(_discovered(found.content, profile.issuers), "jwks_uri")
            document = get(url, deadline)
        return parse_key_set(document.content), _lifetime(document)

    return fetch_keys


def fetch_app_sign_in(
    profile: OidcProfile, *, allow_loopback_http: bool, seconds: float
) -> AppSignIn:
    """Fetch where apps sign users in."""
    with Deadline(seconds) as deadline:
        url = discovery_url(profile)
        document = fetch(url, deadline, allow_loopback_http=allow_loopback_http)
    found = _discovered(document.content, profile.issuers)
    endpoints = {name: _text(found, name) for name in ENDPOINTS}
    for name, endpoint in endpoints.items():
        problem = url_problem(endpoint, allow_loopback_http=allow_loopback_http)
        if problem is not None:
            raise FetchFailed(f"the {name} of the discovery document {problem}")
    return AppSignIn(
        **endpoints,
        client_ids=profile.client_ids,
        scopes=profile.scopes,
        bearer=profile.bearer,
    )


def _discovered(content: bytes, issuers: tuple[str, ...]) -> Claims:
    try:
        found = json_object(content)
    except ValueError as error:
        raise FetchFailed(f"the discovery document is no JSON object: {error}") from error
    if found.get("issuer") not in issuers:
        # Section 4.3: otherwise one provider could speak for another.
        raise FetchFailed("the discovery document is for another issuer than the configured one")
    return found


def _text(found: Claims, name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str):
        raise FetchFailed(f"the discovery document names no {name}")
    return value


def _lifetime(document: Document) -> int | None:
    """Seconds that the answer may be kept (RFC 9111, 4.2.1), `None` where it does not say."""
    if _NOT_TO_BE_KEPT.search(document.cache_control):
        return 0
    match = _MAX_AGE.search(document.cache_control)
    return max(0, int(match[1]) - document.age) if match else None
