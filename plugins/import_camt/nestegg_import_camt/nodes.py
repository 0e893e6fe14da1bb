"""An element of the XML, by its name without a namespace."""

from dataclasses import dataclass, field

LONGEST_TEXT = 20_000


@dataclass(slots=True)
class Node:
    """An element with what is below it.

    Attributes:
        currency: of an amount.
        is_cut: whether it has more parts than are held.
    """

    name: str
    line: int
    currency: str = ""
    pieces: list[str] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)
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
            found = [child for node in found for child in node.children if child.name == name]
        return found

    def first(self, *path: str) -> "Node | None":
        """Return the first element at a path."""
        return next(iter(self.all(*path)), None)

    def text(self, *path: str) -> str:
        """Return the first text at a path, or at the first of its elements that has any."""
        return next(filter(None, map(Node.own_text, self.all(*path))), "")

    def own_text(self) -> str:
        """Return the element's text as one line of characters that can be shown."""
        words = " ".join("".join(self.pieces).split())
        return words if words.isprintable() else "".join(filter(str.isprintable, words))
