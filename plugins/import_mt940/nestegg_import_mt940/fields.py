"""Bytes to the fields of messages: a tag at the beginning of a line, and all up to the next one."""

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nestegg_core import StatementError

MOST_LINES = 2_000_000
MOST_LINES_OF_FIELD = 100
ENCODINGS = ("utf-8", "cp1252", "cp1250", "cp850", "cp852", "cp437", "iso8859-15", "iso8859-2")
_WESTERN = frozenset("äöüßÄÖÜéèêëàâçîïôùûÉÈÀÇáíóúñÁÍÓÚÑãõåæøÅÆØìò")
_CENTRAL = frozenset("äöüßÄÖÜáéíóúÁÉÍÓÚýÝąćęłńśźżĄĆĘŁŃŚŹŻčďěňřšťůžČĎĚŇŘŠŤŮŽőűŐŰôŕľĺăâîșțşţ")
# An earlier one wins a tie.
_GUESSED = {"cp1252": _WESTERN, "cp1250": _CENTRAL, "cp850": _WESTERN, "cp852": _CENTRAL}
_TAG = re.compile(r":([0-9]{2}[A-Z]?|NS):", re.ASCII)
_BODY = "{4:"  # what stands in the envelope of a message
# A time of day that a full line broke after its hour looks like a tag.
_REST_OF_TIME = re.compile(r":[0-5][0-9]:[0-5][0-9](?![0-9])", re.ASCII)
_HOUR = re.compile(r"(?:^|[^0-9])[0-2]?[0-9]$", re.ASCII)
_END = re.compile(r"-(?:\}.*)?", re.ASCII)
_ASCII = bytes(range(128))


@dataclass(frozen=True, slots=True)
class Text:
    """A file's text, and whether its encoding was guessed."""

    text: str
    encoding: str
    is_guessed: bool = False


@dataclass(slots=True)
class Field:
    """A tag with its lines; an empty tag ends a message.

    Attributes:
        line: where it begins, counted from 1.
    """

    tag: str
    line: int
    lines: list[str]


def decode(content: bytes, encoding: str | None) -> Text:
    """Turn bytes into text.

    Raises:
        StatementError: they are no text in the chosen encoding.
    """
    if encoding is not None:
        try:
            return Text(content.decode(encoding), encoding)
        except UnicodeDecodeError:
            raise StatementError(
                "bad_option", "The file cannot be read in this encoding.", option="encoding"
            ) from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Text(content.decode("utf-16", "replace"), "utf-16")
    try:
        return Text(content.decode("utf-8-sig"), "utf-8")
    except UnicodeDecodeError:
        guess = max(_GUESSED, key=lambda one: _letters(content, one))
        return Text(content.decode(guess, "replace"), guess, is_guessed=True)


def _letters(content: bytes, encoding: str) -> int:
    text = content.translate(None, _ASCII).decode(encoding, "replace")
    return sum(map(_GUESSED[encoding].__contains__, text))


def fields(text: str) -> Iterator[Field]:
    """Go through the fields of a text; lines that belong to none are passed over.

    Raises:
        StatementError: it has more lines than any statement.
    """
    found: Field | None = None
    for number, whole in enumerate(_lines(text), 1):
        if number > MOST_LINES:
            raise StatementError("too_many_rows", "The file has too many lines. Split it.")
        line = whole.rstrip()
        if line.startswith("{") and _BODY in line:
            line = line.partition(_BODY)[2]
        tag = _TAG.match(line)
        if tag and not (found and _goes_on(found, line)):
            if found:
                yield found
            found = Field(tag[1], number, [line[tag.end() :]])
        elif _END.fullmatch(line):
            if found:
                yield found
            yield Field("", number, [])
            found = None
        elif found and line and len(found.lines) < MOST_LINES_OF_FIELD:
            found.lines.append(line)
    if found:
        yield found


def _goes_on(found: Field, line: str) -> bool:
    return (
        found.tag == "86"
        and _REST_OF_TIME.match(line) is not None
        and _HOUR.search(found.lines[-1]) is not None
    )


def _lines(text: str) -> Iterable[str]:
    # Some banks' home banking ends lines with two at signs.
    if "\n" not in text and "\r" not in text:
        text = text.replace("@@", "\n")
    return io.StringIO(text.replace("\0", " "), newline=None)
