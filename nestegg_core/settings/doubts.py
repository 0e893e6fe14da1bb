"""What is right by itself in `.env`, and yet is hardly meant: told, never refused."""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from nestegg_core.errors import Problem

_NEAR = 0.8
"""Names that are less alike are taken for somebody else's."""

_NUMBERED = re.compile(r"[0-9]+$")


def doubts(path: Path, known: Collection[str]) -> Iterator[Problem]:
    """Yield what is hardly meant, by name; no value is told.

    Args:
        path: of the `.env` file, which may be absent.
        known: every name that is read. One that ends in a number stands for all numbers.

    Example:
        >>> list(doubts(Path("no such file"), ["LOG_LEVEL"]))
        []
    """
    known_names = {_shape(name) for name in known}
    bindings = _bindings(path)
    yield from _twice(bindings, path)
    for binding in bindings:
        if binding.key and binding.value is None:
            what = f"stands without = in line {binding.original.line}, and sets nothing ({path})"
            yield Problem(binding.key, what, "write NAME=value, or leave the line out")
        if binding.key and binding.value:
            yield from _misspelt(binding.key, known_names, path)
            yield from _dollar(binding, path)


def _twice(bindings: Iterable[Binding], path: Path) -> Iterator[Problem]:
    lines: dict[str, list[int]] = {}
    for binding in bindings:
        if binding.key and binding.value:
            lines.setdefault(binding.key, []).append(binding.original.line)
    for name, numbers in lines.items():
        if len(numbers) > 1:
            all_but_last = ", ".join(map(str, numbers[:-1]))
            what = (
                f"is set in lines {all_but_last} and {numbers[-1]}; the last is in force ({path})"
            )
            yield Problem(name, what, "leave one line, and delete the others")


def _misspelt(name: str, known: Collection[str], path: Path) -> Iterator[Problem]:
    base = _shape(name.removesuffix("_FILE"))
    if base in known or _shape(name) in known:
        return
    near = difflib.get_close_matches(base.upper(), known, n=1, cutoff=_NEAR)
    if near:
        fix = f"if you mean {near[0]}, write that; else leave the line out"
        yield Problem(name, f"is no setting, and nothing reads it ({path})", fix)


def _dollar(binding: Binding, path: Path) -> Iterator[Problem]:
    written = binding.original.string.partition("=")[2].lstrip()
    if "$" in (binding.value or "") and not written.startswith("'"):
        yield Problem(
            str(binding.key),
            f"has a $ that docker compose takes for a variable, and Nest Egg does not ({path})",
            "put the value into single quotes: both then take it as it stands",
        )


def _bindings(path: Path) -> list[Binding]:
    try:
        return list(parse_stream(StringIO(path.read_text("utf-8-sig"))))
    except (OSError, UnicodeDecodeError):
        return []  # `Environment.problems` tells


def _shape(name: str) -> str:
    return _NUMBERED.sub("1", name)
