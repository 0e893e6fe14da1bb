"""What a JSON body may be made of, before a model looks at it.

A model reports every wrong value, and each report costs a hundred times the bytes that caused it:
a body of some kilobytes could ask for megabytes. So it is bounded first, and what readers of JSON
do not agree about (RFC 8259, 4: a name that stands twice) is refused.
"""

import json
from collections.abc import Iterable
from typing import Any

import falcon

from nestegg_core.errors import InvalidInput

MAX_VALUES = 5_000
"""Members of all objects and items of all lists together."""

MAX_DEPTH = 32
"""Objects and lists within one another."""

BOUNDS = f"at most {MAX_VALUES} values, at most {MAX_DEPTH} objects and lists within one another"


def require_bounded(raw: bytes) -> None:
    """Refuse a body that validation would cost too much for, or that can be read in two ways.

    Raises:
        falcon.HTTPBadRequest: it is no JSON, or names a member twice.
        InvalidInput: it has too many values, or is nested too deeply.
    """
    try:
        document = json.loads(raw, object_pairs_hook=_object, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise malformed() from None
    _require_few_values(document)


def malformed() -> falcon.HTTPBadRequest:
    """Return the answer to what is no JSON."""
    return falcon.HTTPBadRequest(
        title="Malformed JSON", description="The body is no JSON document."
    )


def _no_number(_name: str) -> None:
    """Refuse `NaN` and `Infinity`, which Python reads and JSON does not have."""
    raise ValueError


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise falcon.HTTPBadRequest(
            title="Ambiguous JSON", description="An object of the body has the same name twice."
        )
    return members


def _require_few_values(document: Any) -> None:
    level, count, depth = [document], 0, 0
    while nested := [one for one in level if isinstance(one, dict | list)]:
        level = [part for one in nested for part in _parts(one)]
        count, depth = count + len(level), depth + 1
        if count > MAX_VALUES:
            raise InvalidInput.one("", "too_many_values", f"may have {BOUNDS}")
        if depth > MAX_DEPTH:
            raise InvalidInput.one("", "too_deep", f"may have {BOUNDS}")


def _parts(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value
