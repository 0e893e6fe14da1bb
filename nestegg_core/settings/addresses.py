"""Types for settings that name hosts, origins, proxies and the server's own address."""

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from nestegg_core.settings.types import CommaList, checked, invalid

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")


def _is_host(value: str) -> bool:
    if _NAME.fullmatch(value):
        return True
    try:
        ip_address(value.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _is_origin(value: str) -> bool:
    """RFC 6454, section 7: scheme, host and port, with nothing after them."""
    return _is_web_url(value) and not urlsplit(value).path


def _is_web_url(value: str) -> bool:
    try:
        url = urlsplit(value)
        port_is_good = url.port is None or url.port > 0
    except ValueError:
        return False
    extra = "?" in value or "#" in value or "@" in url.netloc
    return (
        url.scheme in {"http", "https"} and port_is_good and _is_host(url.hostname or "")
    ) and not extra


def host_spelling(host: str) -> str:
    """Return the one spelling of a host's name or address, without brackets.

    Example:
        >>> host_spelling("App.Example.com"), host_spelling("[0:0::1]")
        ('app.example.com', '::1')
    """
    plain = host.removeprefix("[").removesuffix("]")
    try:
        return str(ip_address(plain))
    except ValueError:
        return plain.lower()


def _origin_spelling(value: str) -> str:
    """Return a web address as browsers write it (RFC 6454, 6.2): without the scheme's own port."""
    if value == "*":
        return value
    url = urlsplit(value)
    host, port = url.hostname or "", url.port
    if ":" in host:
        host = f"[{host_spelling(host)}]"
    shown = "" if port in {None, _PORTS[url.scheme]} else f":{port}"
    return f"{url.scheme}://{host}{shown}"


def _is_network(value: str) -> bool:
    try:
        ip_network(value)
    except ValueError:
        return False
    return True


def _each(
    is_good: Callable[[str], bool],
    what: str,
    fix: str,
    spelling: Callable[[str], str] = str.lower,
) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    def check(value: str, number: int) -> str:
        if value != "*" and not is_good(value):
            raise invalid(f"has an entry that {what} (number {number})", fix)
        return spelling(value)

    return lambda values: checked(values, check)


def _base_url(value: str) -> str:
    fix = "write it like https://app.example.com"
    if not _is_web_url(value):
        raise invalid("is no web address", fix)
    if urlsplit(value).path.strip("/"):
        raise invalid("has a path, and the server answers at the root of a host alone", fix)
    return _origin_spelling(value)


AllowedHosts = Annotated[
    CommaList,
    AfterValidator(
        _each(
            _is_host,
            "is no host name",
            "list host names without scheme, port or path, e.g. app.example.com,api.example.com",
        )
    ),
]
"""Host names or addresses, in lower case; `*` for any."""

Origins = Annotated[
    CommaList,
    AfterValidator(
        _each(
            _is_origin,
            "is no origin",
            "list scheme and host without a path or final slash, e.g. https://app.example.com",
            _origin_spelling,
        )
    ),
]
"""Web origins, as browsers write them; `*` for any."""

ProxyAddresses = Annotated[
    CommaList,
    AfterValidator(
        _each(_is_network, "is no address or network", "list addresses, e.g. 127.0.0.1,10.0.0.0/8")
    ),
]
"""Addresses or networks; `*` for any."""

BaseUrl = Annotated[str, AfterValidator(_base_url)]
"""An http or https address without a path, and without a final slash."""
