"""What a token says: taken apart strictly, and believed only once its signature was verified."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from nestegg_core.foreign import text

MAX_TOKEN_CHARACTERS = 16 * 1024
"""Longer tokens are refused unread: real ones stay below 8 KB, the usual limit of a header."""

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)")


class DuplicateKey(ValueError):
    """A JSON object holds one name twice, so that two readers may see two values."""


@dataclass(frozen=True, slots=True)
class CompactToken:
    """A JWS in compact form (RFC 7515, 7.1), taken apart but not verified."""

    header: dict[str, Any] = field(repr=False)
    claims: dict[str, Any] = field(repr=False)
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    # A name stands twice (RFC 7519, 4 lets a reader refuse that): the values here are then the last
    # ones, good for a look-up and for nothing else.
    ambiguous: bool = False


def parse_token(token: str) -> CompactToken | None:
    """Take a compact token apart; `None` when it is no JWS with two JSON objects.

    Encodings that are not canonical count as no token: otherwise one signature could be written
    in several ways, and a token that was signed out would live on in another spelling.

    Example:
        >>> parse_token("nep_opaque") is None
        True
        >>> parse_token("eyJhbGciOiJub25lIn0.e30.").header
        {'alg': 'none'}
    """
    match = _COMPACT.fullmatch(token)
    if match is None:
        return None
    try:
        header_json, claims_json, signature = (_decode(part) for part in match.groups())
        header, twice_in_header = _object(header_json)
        claims, twice_in_claims = _object(claims_json)
    except (ValueError, RecursionError):
        return None
    return CompactToken(
        header=header,
        claims=claims,
        signing_input=token[: match.end(2)].encode("ascii"),
        signature=signature,
        ambiguous=twice_in_header or twice_in_claims,
    )


def json_object(document: bytes) -> dict[str, Any]:
    """Read one JSON object in UTF-8."""
    try:
        value, twice = _object(document)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    if twice:
        raise DuplicateKey("holds a name twice in one object")
    return value


def _object(document: bytes) -> tuple[dict[str, Any], bool]:
    twice = False

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        collected = dict(pairs)
        twice = twice or len(collected) != len(pairs)
        return collected

    # Decoded here because json.loads would guess UTF-16 and UTF-32 from bytes.
    text = document.decode("utf-8")
    value = json.loads(text, object_pairs_hook=collect, parse_constant=_refuse_constant)
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004 - the input is wrong, not a type
    return value, twice


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _decode(part: str) -> bytes:
    decoded = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if urlsafe_b64encode(decoded).rstrip(b"=") != part.encode("ascii"):
        raise ValueError("is not canonical base64url")
    return decoded


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
