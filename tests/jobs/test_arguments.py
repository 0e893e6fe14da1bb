"""The arguments of jobs: what is taken comes back, and can be shown."""

from typing import Any

import orjson
import pytest

from nestegg_core import InvalidInput
from nestegg_core.jobs.model import as_text, from_text


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "arguments", [{}, {"a": [1, -2.5, None, True, "ü\0\n"], "b": {"c": 2**63}}, nested(253)]
)
def test_what_is_taken_comes_back_and_can_be_shown_in_an_answer(arguments: Any) -> None:
    taken = from_text(as_text(arguments))

    assert taken == arguments
    assert orjson.loads(orjson.dumps({"arguments": taken}))["arguments"] == arguments


def test_the_order_of_names_makes_no_difference() -> None:
    assert as_text({"a": 1, "b": {"c": 1, "d": 2}}) == as_text({"b": {"d": 2, "c": 1}, "a": 1})


@pytest.mark.parametrize(
    "arguments",
    [{"a": {1}}, {"a": print}, {1: "a"}, {"a": 2**70}, {"a": "\ud800"}, nested(254)],
    ids=["set", "function", "number as a name", "huge", "half a character", "deep"],
)
def test_what_is_no_json_is_refused_and_not_repeated(arguments: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^/arguments: holds what is no JSON[^{]*$"):
        as_text(arguments)
