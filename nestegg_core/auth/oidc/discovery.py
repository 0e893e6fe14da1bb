"""From an issuer to its keys and its endpoints (OpenID Connect Discovery 1.0)."""

import re
from collections.abc import Callable

from nestegg_core.auth.oidc.claims import Claims
from nestegg_core.auth.oidc.document import Deadline, Document, FetchFailed
from nestegg_core.auth.oidc.fetch import fetch, url_problem
from nestegg_core.auth.oidc.jws import json_object
from nestegg_core.auth.oidc.keys import KeySet, parse_key_set
from nestegg_core.auth.oidc.profile import OidcProfile
from nestegg_core.contracts.identity import AppSignIn

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
