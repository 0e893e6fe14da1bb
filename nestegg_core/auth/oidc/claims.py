"""Claims of a verified token: times, audiences, groups, email."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from nestegg_core.texts import text

Claims = Mapping[str, Any]
"""The payload of a token, or its header, as JSON values."""

LEEWAY = timedelta(seconds=60)
"""How far a provider's clock may run ahead of ours (`iat`, `nbf`). `exp` gets none."""


def moment(value: object) -> datetime | None:
    """Read a NumericDate (RFC 7519, 2): seconds since 1970, aware, in UTC.

    Example:
        >>> moment(0)
        datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
        >>> moment("0") is None and moment(True) is None and moment(1e300) is None
        True
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def time_problem(claims: Claims, expires_at: datetime, now: datetime) -> str | None:
    """Say why the token is not in force at `now`; `None` when it is.

    `nbf` and `iat` are optional and must make sense where they are present (RFC 7519, 4.1).
    """
    if now >= expires_at:
        return "the token has expired"
    for name in ("nbf", "iat"):
        if name in claims:
            begins = moment(claims[name])
            if begins is None:
                return f"{name} is not a time"
            if begins > now + LEEWAY:
                return f"{name} lies in the future"
    return None


def authenticated_at(claims: Claims) -> datetime | None:
    """Return when the user signed in: `auth_time` (OpenID Connect Core, 2), else `iat`.

    A provider that does not tell tells at least when it last vouched for them.

    Example:
        >>> authenticated_at({"auth_time": 0, "iat": 60}) == authenticated_at({"iat": 0})
        True
        >>> authenticated_at({"auth_time": "0", "iat": 60}) is None
        True
    """
    return moment(claims.get("auth_time", claims.get("iat")))


def audiences(claims: Claims) -> frozenset[str]:
    """Return the audiences of a token; empty when it has none (RFC 7519, 4.1.3).

    Example:
        >>> sorted(audiences({"aud": ["api", "app"]})), sorted(audiences({"aud": "app"}))
        (['api', 'app'], ['app'])
    """
    return frozenset(_strings(claims.get("aud")))


def claim_at(claims: Claims, path: str) -> Any:
    """Return the claim at a dotted path, or `None`.

    A name that itself contains dots is found too: the longest name that exists is tried first.

    Example:
        >>> claim_at({"realm_access": {"roles": ["a"]}}, "realm_access.roles")
        ['a']
        >>> claim_at({"https://acme.example/groups": ["a"]}, "https://acme.example/groups")
        ['a']
    """
    if path in claims:
        return claims[path]
    head = path
    while "." in head:
        head = head.rpartition(".")[0]
        inner = claims.get(head)
        if isinstance(inner, Mapping):
            found = claim_at(inner, path[len(head) + 1 :])
            if found is not None:
                return found
    return None


def group_names(claims: Claims, paths: Iterable[str]) -> frozenset[str]:
    """Return the names at all of these paths together; a single string counts as one name.

    Example:
        >>> sorted(group_names({"groups": ["a", 7], "role": "b"}, ("groups", "role", "gone")))
        ['a', 'b']
    """
    return frozenset(name for path in paths for name in _strings(claim_at(claims, path)))


def email_is_verified(claims: Claims) -> bool:
    """Tell whether the provider vouches for the email: JSON true, or the string `"true"`.

    Example:
        >>> email_is_verified({"email_verified": "true"}), email_is_verified({})
        (True, False)
    """
    value = claims.get("email_verified")
    return value is True or value == "true"


def email(claims: Claims) -> str | None:
    """Return the `email` claim when it looks like an address."""
    address = text(claims.get("email"))
    return address if address is not None and "@" in address.strip("@") else None


def domain(address: str | None) -> str:
    """Return an address's domain in lower case; empty where there is none that can be trusted.

    Letters outside of ASCII have look-alikes that fold into others, so such addresses have none.

    Example:
        >>> domain("Aino@Example.ORG"), domain("aino@\N{KELVIN SIGN}irja.example"), domain(None)
        ('example.org', '', '')
    """
    if address is None or not address.isascii() or address.count("@") != 1:
        return ""
    return address.rpartition("@")[2].lower()


def _strings(value: object) -> Iterable[str]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return ()
    return (item for item in value if text(item) is not None)
