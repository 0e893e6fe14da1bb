"""A fake OIDC provider: real discovery and key sets over loopback, good tokens and bad ones."""

import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from nestegg_testing.identity_keys import SigningKey

DISCOVERY_PATH = "/.well-known/openid-configuration"
JWKS_PATH = "/keys"
_DRIP_SECONDS = 0.02


class Fault(Enum):
    """How the fake provider may fail."""

    ERROR = auto()
    """Every answer is a 500."""
    REDIRECT = auto()
    """Every answer points to another address, which would give the right document."""
    HUGE = auto()
    """The key set is right and followed by a megabyte of spaces."""
    DRIP_HEAD = auto()
    """The answer's head comes one byte at a time, without an end."""
    DRIP_BODY = auto()
    """The body comes one byte at a time, without an end."""
    NOT_JSON = auto()
    """The key set is an HTML page."""


class FakeIdentityProvider:
    """An OIDC provider on a free port of 127.0.0.1, for tests.

    It serves from entering the context until leaving it. What it does may be changed meanwhile:
    set `fault`, `keys`, `extra_keys`, `endpoints`, `headers` or `cache_control`.

    Args:
        issuer: the `iss` of its tokens and its discovery; its own address when not given.
        keys: what it signs with and publishes; the first signs.

    Attributes:
        fault: how it fails at present.
        extra_keys: JWKs that are published besides, as they are.
        endpoints: where discovery sends apps; nothing answers there.
        headers: what the header of every token holds besides `alg`, `kid` and `typ`.
        cache_control: header of the key set's answer.
        requests: the paths that were asked for, in order.
        asked: set by every request, also by those that are held.

    Example:
        >>> with FakeIdentityProvider(keys=[SigningKey("k1", "ES256")]) as vendor:
        ...     token = vendor.token({"sub": "u1", "aud": "app"})
        >>> token.count(".")
        2
    """

    def __init__(self, issuer: str | None = None, keys: list[SigningKey] | None = None) -> None:
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.issuer = issuer or self.url
        self.keys = [SigningKey("key-1")] if keys is None else keys
        self.extra_keys: list[Mapping[str, Any]] = []
        self.endpoints: dict[str, Any] = {
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
        }
        self.headers: Mapping[str, Any] = {}
        self.cache_control: str | None = None
        self.fault: Fault | None = None
        self.requests: list[str] = []
        self.open = threading.Event()
        self.open.set()
        self.asked = threading.Event()
        self.closed = threading.Event()
        # Closing waits for the next poll, so that it is short.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def jwks_url(self) -> str:
        """Where the keys are."""
        return self.url + JWKS_PATH

    @property
    def discovery_url(self) -> str:
        """Where discovery is, also when the issuer is another address."""
        return self.url + DISCOVERY_PATH

    def __enter__(self) -> "FakeIdentityProvider":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closed.set()
        self.open.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Let requests in, and answer none of them before the context ends or `open` is set."""
        self.open.clear()
        try:
            yield
        finally:
            self.open.set()

    def claims(self, now: datetime | None = None, **changes: Any) -> dict[str, Any]:
        """Return standard claims of a token made at `now` (default: the present) for an hour.

        Args:
            now: the moment of issue, aware.
            changes: further claims; `None` takes a claim out.
        """
        issued = int((now or datetime.now(UTC)).timestamp())
        claims = {"iss": self.issuer, "sub": "user-1", "iat": issued, "exp": issued + 3600}
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def token(
        self,
        claims: Mapping[str, Any] | str,
        *,
        key: SigningKey | None = None,
        header: Mapping[str, Any] | str | None = None,
    ) -> str:
        """Sign claims as they are, with nothing added.

        Args:
            claims: the payload; a string is taken as JSON text, e.g. with a name in it twice.
            key: what signs; the provider's first key when not given.
            header: members to add to `alg`, `kid`, `typ` and `headers`, where `None` takes one
                out; a string is the whole header as JSON text.
        """
        signer = key or self.keys[0]
        if not isinstance(header, str):
            usual = {"alg": signer.algorithm, "kid": signer.kid, "typ": "JWT", **self.headers}
            members = {**usual, **(header or {})}
            header = json.dumps({k: v for k, v in members.items() if v is not None})
        payload = claims if isinstance(claims, str) else json.dumps(claims)
        signed = f"{base64url(header.encode())}.{base64url(payload.encode())}"
        return f"{signed}.{base64url(signer.sign(signed.encode()))}"

    def document(self, path: str) -> bytes | None:
        """Return what is served at a path, faults aside; `None` for an unknown path."""
        if path == DISCOVERY_PATH:
            addresses = {"jwks_uri": self.jwks_url, **self.endpoints}
            return json.dumps({"issuer": self.issuer, **addresses}).encode()
        if path in (JWKS_PATH, "/elsewhere" + JWKS_PATH):
            jwks = [*(key.public_jwk() for key in self.keys), *self.extra_keys]
            return json.dumps({"keys": jwks}).encode()
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, provider: FakeIdentityProvider) -> None:
        self.provider = provider
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        provider = self.server.provider
        provider.requests.append(self.path)
        provider.asked.set()
        provider.open.wait()
        try:
            self._answer(provider, provider.document(self.path))
        except ConnectionError:
            self.close_connection = True  # the client gave up, as it should

    def _answer(self, provider: FakeIdentityProvider, document: bytes | None) -> None:
        fault = provider.fault
        if fault is Fault.DRIP_HEAD:
            self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
            self._drip(provider)
        elif fault is Fault.REDIRECT and not self.path.startswith("/elsewhere"):
            self._send(302, b"", {"Location": f"/elsewhere{self.path}"})
        elif fault is Fault.ERROR or document is None:
            self._send(500 if fault else 404, b"{}", {})
        elif fault is Fault.DRIP_BODY:
            self._send(200, b"{", {})
            self._drip(provider)
        elif self.path == DISCOVERY_PATH:
            self._send(200, document, {})
        else:
            if fault is Fault.HUGE:
                document += b" " * 1024 * 1024
            if fault is Fault.NOT_JSON:
                document = b"<html></html>"
            control = provider.cache_control
            self._send(200, document, {"Cache-Control": control} if control else {})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, provider: FakeIdentityProvider) -> None:
        while not provider.closed.wait(_DRIP_SECONDS):
            self.wfile.write(b" ")
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing: what was asked for is in `requests`."""


def base64url(data: bytes) -> str:
    """Encode as RFC 7515, 2 wants it: URL-safe, without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
