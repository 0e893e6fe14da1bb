"""The arguments of jobs: JSON objects, which are shown again as JSON."""

from collections.abc import Mapping
from typing import Any

import orjson

from nestegg_core.errors import InvalidInput


def as_text(arguments: Mapping[str, Any]) -> str:
    """Return arguments as text, equal for equal ones.

    Raises:
        InvalidInput: they hold what is no JSON, or are nested too deeply.

    Example:
        >>> as_text({"b": 1, "a": None})
        '{"a":null,"b":1}'
    """
    try:
        # In a list, because they are shown within an answer: what can be stored can be shown.
        text = orjson.dumps([dict(arguments)], option=orjson.OPT_SORT_KEYS)
    except TypeError:
        what = "holds what is no JSON, or is nested too deeply"
        raise InvalidInput.one("/arguments", "not_json", what) from None
    return text[1:-1].decode()


def from_text(text: str) -> dict[str, Any]:
    """Return the arguments that `as_text` was given."""
    arguments: dict[str, Any] = orjson.loads(text)
    return arguments
