"""An element of the XML, by its name without a namespace."""

from dataclasses import dataclass, field

LONGEST_TEXT = 20_000


@dataclass(slots=True)
class Node:
    """An element with what is below it, by name.

    Attributes:
        line: of an entry or report, counted from 1.
        currency: of an amount.
        is_cut: whether it has more parts than are held.
    """

    line: int = 0
    currency: str = ""
    pieces: list[str] = field(default_factory=list)
    children: dict[str, list["Node"]] = field(default_factory=dict)
    parts: int = 0
    is_cut: bool = False
    length: int = 0

    def add(self, text: str) -> None:
        """Take in some of the element's text."""
        if self.length < LONGEST_TEXT:
            self.pieces.append(text[:LONGEST_TEXT])
            self.length += len(text)

    def all(self, *path: str) -> list["Node"]:
        """Return every element at a path, in the order of the file."""
        found = [self]
        for name in path:
            if len(found) == 1:
                found = found[0].children.get(name, [])
            else:
                found = [child for node in found for child in node.children.get(name, ())]
            if not found:
                break
        return found

    def first(self, *path: str) -> "Node | None":
        """Return the first element at a path."""
        found = self.all(*path)
        return found[0] if found else None

    def text(self, *path: str) -> str:
        """Return the first text at a path, or at the first of its elements that has any."""
        for node in self.all(*path):
            if text := node.own_text():
                return text
        return ""

    def own_text(self) -> str:
        """Return the element's text as one line of characters that can be shown."""
        if not self.pieces:
            return ""
        words = " ".join("".join(self.pieces).split())
        return words if words.isprintable() else "".join(filter(str.isprintable, words))
