"""Tokens and JSON, read strictly. Nothing here is believed yet: signatures come later."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any, NoReturn

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
