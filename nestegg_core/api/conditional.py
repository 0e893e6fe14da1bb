"""Versions that a client names, answers that it may have already, and the form they travel in."""

import re

MAX_VERSIONS = 8
"""How many versions a change may name."""

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_TAGS = re.compile(rf"{_TAG.pattern}(?:[ \t]*,[ \t]*{_TAG.pattern})*")
_VERSION = re.compile(r'"(0|[1-9][0-9]{0,8})"')


def versions(header: str) -> list[int]:
    """Return the versions of rows that `If-Match` names (RFC 9110, 13.1.1: strong comparison).

    Args:
        header: `If-Match`. What is malformed, any (`*`), or too long a list names none.

    Example:
        >>> versions('"1", "x", W/"2", "3"'), versions('"01"'), versions("*")
        ([1, 3], [], [])
    """
    tags = _TAG.findall(header) if _TAGS.fullmatch(header.strip(" \t")) else []
    found = [int(match[1]) for tag in tags if (match := _VERSION.fullmatch(tag))]
    return found if len(tags) <= MAX_VERSIONS else []


def known(tag: str, header: str | None) -> bool:
    """Tell whether the caller has this already (RFC 9110, 13.1.2: weak comparison).

    Args:
        tag: ETag of the answer.
        header: `If-None-Match`.

    Example:
        >>> known('W/"1"', '"0", "1"')
        True
    """
    if header is None:
        return False
    plain = tag.removeprefix("W/")
    given = {one.strip().removeprefix("W/") for one in header.split(",")}
    return plain in given or given == {"*"}


def takes_gzip(header: str | None) -> bool:
    """Tell whether `Accept-Encoding` allows gzip (RFC 9110, 12.5.3).

    Example:
        >>> takes_gzip("br, gzip"), takes_gzip("gzip;q=0"), takes_gzip(None)
        (True, False, False)
    """
    for one in (header or "").lower().split(","):
        name, _, weight = one.partition(";")
        if name.strip() in {"gzip", "x-gzip"}:
            return weight.replace(" ", "").rstrip("0").rstrip(".") not in {"q=", "q"}
    return False
