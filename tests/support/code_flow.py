"""A browser app that signs users in by authorization code and PKCE (RFC 7636), and its browser."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from nestegg_testing.identity_server import base64url

PATIENCE = 30
CALLBACK = "http://127.0.0.1/callback"


class _FirstForm(HTMLParser):
    """Reads the first form of a page: where it goes, and its fields with their values."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._ended = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action = values.get("action", "")
        elif tag == "input" and self.action is not None and not self._ended:
            self.fields[values.get("name", "")] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self._ended = self._ended or (tag == "form" and self.action is not None)


@dataclass
class Browser:
    """Follows links and sends forms, until the app's own address is reached.

    Attributes:
        page: what is shown at present.
        callback: the app's address with the answer, once it was reached.
    """

    session: requests.Session = field(default_factory=requests.Session)
    page: requests.Response | None = None
    callback: str = ""

    def visit(self, url: str, **params: str) -> None:
        """Open an address."""
        self._follow(self._send("GET", url, params=params))

    def submit(self, **fields: str) -> None:
        """Fill in and send the first form of the page."""
        assert self.page is not None
        form = _FirstForm()
        form.feed(self.page.text)
        assert form.action is not None, f"no form at {self.page.url}:\n{self.page.text}"
        target = urljoin(self.page.url, form.action)
        self._follow(self._send("POST", target, data={**form.fields, **fields}))

    def _follow(self, answer: requests.Response) -> None:
        while answer.is_redirect:
            target = urljoin(answer.url, answer.headers["Location"])
            if target.startswith(CALLBACK):
                self.callback = target
                return
            answer = self._send("GET", target)
        assert answer.status_code == requests.codes.ok, f"{answer.url}: {answer.text}"
        self.page = answer

    def _send(self, method: str, url: str, **content: Any) -> requests.Response:
        answer = self.session.request(
            method, url, timeout=PATIENCE, allow_redirects=False, **content
        )
        for cookie in self.session.cookies:
            # Loopback is trustworthy to browsers: they send there what is marked as secure.
            cookie.secure = False
        return answer


@dataclass(frozen=True)
class BrowserApp:
    """An app as it is registered with a provider.

    Attributes:
        authorization: the provider's authorization endpoint.
        token: the provider's token endpoint.
        client_id: the app's.
        client_secret: of providers that know no app without one.
        scope: what it asks for.
        parameters: further ones of the authorization request.
    """

    authorization: str
    token: str
    client_id: str
    client_secret: str = ""
    scope: str = "openid email profile"
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def discovered(cls, url: str, client_id: str, **further: Any) -> "BrowserApp":
        """Read the endpoints from a provider's discovery document."""
        found = requests.get(url, timeout=PATIENCE).json()
        endpoints = found["authorization_endpoint"], found["token_endpoint"]
        return cls(*endpoints, client_id, **further)

    def sign_in(self, consent: Callable[[Browser], None]) -> dict[str, Any]:
        """Send a user to the provider and return the answer of its token endpoint.

        Args:
            consent: what the user does there, until the browser comes back.
        """
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        challenge = base64url(hashlib.sha256(verifier.encode()).digest())
        browser = Browser()
        browser.visit(
            self.authorization,
            client_id=self.client_id,
            response_type="code",
            redirect_uri=CALLBACK,
            scope=self.scope,
            state=state,
            nonce=secrets.token_urlsafe(16),
            code_challenge=challenge,
            code_challenge_method="S256",
            **self.parameters,
        )
        consent(browser)
        answer = parse_qs(urlsplit(browser.callback).query)
        assert answer["state"] == [state], "the provider returned another state"
        return self.tokens(
            grant_type="authorization_code",
            code=answer["code"][0],
            redirect_uri=CALLBACK,
            code_verifier=verifier,
        )

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """Return new tokens for a refresh token."""
        return self.tokens(grant_type="refresh_token", refresh_token=refresh_token)

    def tokens(self, **grant: str) -> dict[str, Any]:
        """Ask the token endpoint, which must agree."""
        answer = self.ask(**grant)
        assert answer.status_code == requests.codes.ok, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def ask(self, **grant: str) -> requests.Response:
        """Ask the token endpoint; return its answer, whatever it is."""
        client = {"client_id": self.client_id}
        if self.client_secret:
            client["client_secret"] = self.client_secret
        return requests.post(self.token, data={**client, **grant}, timeout=PATIENCE)


def claims_of(token: str) -> dict[str, Any]:
    """Return the payload of a token, unverified."""
    return _part(token, 1)


def header_of(token: str) -> dict[str, Any]:
    """Return the header of a token, unverified."""
    return _part(token, 0)


def _part(token: str, number: int) -> dict[str, Any]:
    part = token.split(".")[number]
    decoded: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded
