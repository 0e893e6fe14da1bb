"""Fetching a provider's documents: little, over TLS, from where we asked, and in time."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from nestegg_core.auth.oidc.document import Deadline, Document, FetchFailed


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
    from nestegg_core.auth.oidc.request import get  # noqa: PLC0415 - see that file's head

    return get(url, deadline)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
