"""The table of faults in `docs/plugins.md`."""

import re
from dataclasses import dataclass
from pathlib import Path

GUIDE = Path(__file__).parents[3] / "docs" / "plugins.md"
_ROW = re.compile(r"^\| `([a-z-]+)`: ([^|]+) \| ([^|]+) \| (.+) \|$", re.MULTILINE)
_CODE = re.compile(r"``\s?(.+?)\s?``(?!`)|`([^`]+)`")


@dataclass(frozen=True)
class Row:
    """One fault.

    Attributes:
        name: what the scenario is called.
        literals: what is to be seen, word for word.
    """

    name: str
    literals: tuple[str, ...]


def rows() -> list[Row]:
    """Return the table."""
    text = GUIDE.read_text(encoding="utf-8")
    return [
        Row(name, tuple(double or single for double, single in _CODE.findall(seen)))
        for name, _, _, seen in _ROW.findall(text)
    ]
