"""The form of a stored value: `ne1:<backend>:v<n>:<payload>`.

It says which backend and which key version wrote it, so that old values open while new ones are
written otherwise, and so that values can be counted by prefix.
"""

import re
from dataclasses import dataclass, field

from nestegg_core.contracts.names import PATTERN

SCHEME = "ne1:"
"""What every token begins with."""

_TOKEN = re.compile(rf"ne1:({PATTERN}):v([1-9][0-9]{{0,8}}):([^:\s]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """A stored value; `payload` is empty where only the prefix was read."""

    backend: str
    version: int
    payload: str = field(repr=False, default="")

    @property
    def prefix(self) -> str:
        return f"{SCHEME}{self.backend}:v{self.version}:"

    def __str__(self) -> str:
        return self.prefix + self.payload


def parse(text: str) -> Token | None:
    """`None` for what is no token or prefix of one.

    Example:
        >>> parse("ne1:fernet:v1:gAAAAA").version
        1
        >>> parse("ne1:fernet:v01:gAAAAA"), parse("plain text")
        (None, None)
    """
    match = _TOKEN.fullmatch(text)
    return None if match is None else Token(match[1], int(match[2]), match[3])
