"""Addresses of databases, Redis, hosts and mail: read, brought to one form, masked, judged."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.policy import SMTP
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, SecretStr
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from nestegg_core.settings.types import CommaList, checked, invalid

if TYPE_CHECKING:
    pass


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
    """Return the one spelling of a host's name or address, without brackets."""
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
    is_good: Callable[[str], bool], what: str, fix: str, spelling: Callable[[str], str] = str.lower
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


_IN_URLS = "@ as %40, : as %3A, / as %2F, # as %23, ? as %3F and % as %25"
MASK = "********"
_POSTGRESQL = frozenset(
    {"postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg", "postgresql+psycopg2"}
)
_SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")  # libpq's
_REDIS = frozenset({"redis", "rediss", "unix"})
_SECRET_PARAMETERS = ("password", "sslpassword")


@dataclass(frozen=True, slots=True)
class ShownAsUrl:
    """Marks a secret field that may be shown, because only its URL's password is secret."""


def parse(url: str) -> URL:
    """Split a URL; raise ValueError, which does not repeat it, where that is ambiguous."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("is no URL") from None
    if "@" in (parsed.host or ""):  # a bare `@` in the password: the rest would pass for a host
        raise ValueError("is ambiguous")
    return parsed


def masked(url: str) -> str:
    """Return the URL without its password, or only asterisks where it cannot be split."""
    try:
        parsed = parse(url)
    except ValueError:
        return MASK
    hidden = {name: MASK for name in _SECRET_PARAMETERS if name in parsed.query}
    if parsed.password is not None:
        parsed = parsed.set(password=MASK)
    shown = parsed.update_query_dict(hidden).render_as_string(hide_password=False)
    return shown.replace(quote(MASK, safe=""), MASK)


def database_url(value: SecretStr) -> SecretStr:
    """Bring a database's URL to the form that storages expect.

    Every spelling of PostgreSQL becomes `postgresql://`, and asyncpg's `ssl` becomes libpq's
    `sslmode`. Other schemes are left for the storage that serves them.
    """
    parsed = _parsed(value, "postgresql://user:password@host:5432/nestegg")
    if parsed.drivername not in _POSTGRESQL:
        return value
    tls = parsed.query.get("ssl")
    if isinstance(tls, str):
        parsed = parsed.difference_update_query(["ssl"])
        parsed = parsed.update_query_dict({"sslmode": "require" if tls == "true" else tls})
    if parsed.query.get("sslmode", "require") not in _SSLMODES:
        raise invalid("has an unknown sslmode", f"use one of {', '.join(_SSLMODES)}")
    return _secret(parsed.set(drivername="postgresql"))


def redis_url(value: SecretStr) -> SecretStr:
    example = "redis://:password@host:6379/0"
    if _parsed(value, example).drivername not in _REDIS:
        raise invalid("is no Redis URL", f"write it like {example}")
    return value


DatabaseUrl = Annotated[SecretStr, AfterValidator(database_url), ShownAsUrl()]
RedisUrl = Annotated[SecretStr, AfterValidator(redis_url), ShownAsUrl()]


def _private(entry: str, number: int) -> str:
    try:
        public = ip_network(entry, strict=False).is_global
    except ValueError:
        if not re.fullmatch(r"[A-Za-z0-9._-]*[A-Za-z_-][A-Za-z0-9._-]*", entry):
            raise invalid(
                f"has an entry that is neither a network nor a host name (number {number})",
                "list networks like 172.16.0.0/12 and host names, with commas between",
            ) from None
    else:
        if public:
            raise invalid(
                f"has a network or address that is not private (number {number})",
                "list private networks only, like 172.16.0.0/12; use TLS for all else",
            )
    return entry


TrustedNetworks = Annotated[CommaList, AfterValidator(lambda entries: checked(entries, _private))]
"""Private networks, private addresses, or host names."""


def with_tls(value: SecretStr, trusted: Sequence[str]) -> SecretStr:
    """Add `sslmode=require` to a PostgreSQL URL that says nothing of TLS and leaves the machine."""
    parsed = parse(value.get_secret_value())
    if not is_postgresql(parsed) or "sslmode" in parsed.query or stays_private(parsed, trusted):
        return value
    return _secret(parsed.update_query_dict({"sslmode": "require"}))


def is_postgresql(url: URL) -> bool:
    return url.drivername == "postgresql"


def stays_private(url: URL, trusted: Sequence[str]) -> bool:
    """Tell whether every host of the URL is a socket, loopback, or trusted by the operator."""
    return all(
        host.startswith(("/", "@")) or is_loopback(host) or _is_trusted(host, trusted)
        for host in _hosts(url)
    )


def is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    name = host.lower().rstrip(".")
    return name == "localhost" or name.endswith(".localhost")


def _parsed(value: SecretStr, example: str) -> URL:
    try:
        return parse(value.get_secret_value())
    except ValueError as error:
        fix = f"write it like {example}; in a password write {_IN_URLS}"
        raise invalid(f"{error}", fix) from None


def _secret(url: URL) -> SecretStr:
    return SecretStr(url.render_as_string(hide_password=False))


def _hosts(url: URL) -> Iterator[str]:
    if url.host:
        yield url.host
    for parameter in ("host", "hostaddr"):
        value = url.query.get(parameter, ())
        for item in (value,) if isinstance(value, str) else value:
            for host in item.split(","):
                yield host if parameter == "hostaddr" else re.sub(r":\d+$", "", host)
    if "service" in url.query:  # libpq reads the host from a file, so it may be anywhere
        yield ""


def _is_trusted(host: str, trusted: Sequence[str]) -> bool:
    for entry in trusted:
        if host.lower() == entry.lower():
            return True
        with suppress(ValueError):
            if ip_address(host) in ip_network(entry, strict=False):
                return True
    return False


PORTS = {"starttls": 587, "tls": 465, "none": 25}
"""RFC 6409, 3.1; RFC 8314, 7.3; RFC 5321, 4.5.4.2."""


def usual_port(data: Mapping[str, Any]) -> int:
    return PORTS.get(data.get("smtp_security", ""), PORTS["starttls"])


def mail_address(value: str) -> str:
    """Check one address, alone or as `Name <address>`."""
    good = value.isprintable()
    if good:
        header: Any = SMTP.header_factory("From", value)
        addresses = header.addresses
        good = not header.defects and len(addresses) == 1
        good = good and all(one.username and one.domain for one in addresses)
    if not good:
        raise invalid("is no mail address", "write it like nestegg@example.org")
    return value


MailAddress = Annotated[str, AfterValidator(mail_address)]
"""One address, alone or as `Name <address>`."""
