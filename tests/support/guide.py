"""The fenced blocks of a guide."""

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One block.

    Attributes:
        language: what stands behind its fence.
        heading: the nearest heading above it.
    """

    language: str
    heading: str
    text: str


def blocks(guide: Path) -> list[Block]:
    """Return the blocks of a guide in their order."""
    text = guide.read_text("utf-8")
    return [
        Block(found[1], headings(text[: found.start()])[-1], found[2])
        for found in _BLOCK.finditer(text)
    ]


def headings(text: str) -> list[str]:
    """Return the headings of a text, without those lines of its blocks that look like one."""
    without = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [str(found) for found in re.findall(r"^#+ (.+)$", without, re.MULTILINE)]
