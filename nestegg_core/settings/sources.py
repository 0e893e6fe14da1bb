"""The places that hold raw variables, and the files that `NAME_FILE` names."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

from nestegg_core.errors import Problem


@dataclass(frozen=True, slots=True)
class Variable:
    """A raw value, or why it cannot be had.

    Attributes:
        name: as the operator wrote it.
        origin: where it comes from.
        value: `None` exactly when there is a problem.
    """

    name: str
    origin: str
    value: str | None = field(repr=False)
    problem: Problem | None = None


class Source:
    """One place with variables: the process environment or a `.env` file.

    Args:
        label: what operators call it.
        variables: names and values; empty values count as not set.
    """

    def __init__(self, label: str, variables: Mapping[str, str]) -> None:
        self.label = label
        self._variables = {name: value for name, value in variables.items() if value}
        self._from_files: dict[str, Variable] = {}

    def find(self, name: str) -> Variable | None:
        """Return a variable by its name, or from the file that `NAME_FILE` names."""
        value, file = self._variables.get(name), self._variables.get(f"{name}_FILE")
        if value is not None and file is not None:
            problem = Problem(
                name,
                f"is set twice, as {name} and as {name}_FILE ({self.label})",
                "remove one of them",
            )
            return Variable(name, self.label, None, problem)
        if value is not None:
            return Variable(name, self.label, value)
        if file is None:
            return None
        if name not in self._from_files:  # a pipe can be read only once
            self._from_files[name] = _read_value(name, Path(file))
        return self._from_files[name]

    def __iter__(self) -> Iterator[str]:
        """Name the variables, those that are in files as well."""
        return iter({name.removesuffix("_FILE") for name in self._variables})

    def numbers(self, prefix: str) -> set[str]:
        """Return the digits of the variables called `<prefix><digits>` or with `_FILE` after it."""
        pattern = re.compile(re.escape(prefix) + r"([0-9]+)(?:_FILE)?")
        return {found[1] for name in self._variables if (found := pattern.fullmatch(name))}


def read_dotenv(path: Path) -> tuple[dict[str, str], list[Problem]]:
    """Read a `.env` file. Values are taken as they stand: `${NAME}` is not replaced.

    Returns:
        The variables, none when the file is absent; and what is wrong with the file.
    """
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return {}, []
    except OSError as error:
        return {}, [Problem(str(path), f"cannot be read ({error.strerror})", "make it readable")]
    except UnicodeDecodeError:
        return {}, [Problem(str(path), "is not UTF-8 text", "save it as UTF-8")]
    bindings = list(parse_stream(StringIO(text)))
    problems = [
        Problem(f"{path}", f"line {binding.original.line} is no setting", "write NAME=value")
        for binding in bindings
        if binding.error
    ]
    return {b.key: b.value for b in bindings if b.key and b.value}, problems


def _read_value(name: str, path: Path) -> Variable:
    origin = f"file {path}"
    try:
        value = path.read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        why = f"names a file that cannot be read ({error.strerror}: {path})"
    except UnicodeDecodeError:
        why = f"names a file that is not UTF-8 text ({path})"
    else:
        if value:
            return Variable(name, origin, value)
        why = f"names an empty file ({path})"
    fix = f"put the value of {name} into that file, readable by the user who runs Nest Egg"
    return Variable(name, origin, None, Problem(f"{name}_FILE", why, fix))
