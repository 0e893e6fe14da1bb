"""Text to tags: the same soup for OFX 1 (SGML, end tags optional) and OFX 2 (XML by name)."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

_TAG = re.compile(
    r"<(/?)([A-Za-z][A-Za-z0-9._]{0,63})"
    r"(?:\s{1,40}[\w:.-]{1,64}\s{0,40}=[^<>]{0,2000}?|\s{0,40})(/?)>"
)
# What else an ampersand begins is text, also in XML, where banks forget to write `&amp;`.
_ENTITY = re.compile(r"&(?:lt|gt|amp|nbsp|quot|apos|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_QUOTED = (("<![CDATA[", "]]>"), ("<!--", "-->"))
_ANY_CASE = re.compile(r"<(?:STMTTRN|TRNAMT|OFX)>")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag with the text up to the next one.

    Attributes:
        name: in capitals.
        value: the text behind it, in one line; empty behind an end tag.
        line: where it stands, counted from 1.
        is_end: whether it ends an element.
    """

    name: str
    value: str
    line: int
    is_end: bool


def tags_of(text: str) -> Iterator[Tag]:
    """Yield every tag of a file.

    Example:
        >>> [(tag.name, tag.value) for tag in tags_of("<NAME>Tom < Jerry &amp; Co<MEMO>x")]
        [('NAME', 'Tom < Jerry & Co'), ('MEMO', 'x')]
    """
    text = _without_quoting(text)
    # Where all tags are in capitals, `<Jerry>` is a part of a name.
    only_capitals = _ANY_CASE.search(text) is not None
    matches = (found for found in _TAG.finditer(text) if not only_capitals or found[2].isupper())
    line = 1
    counted = 0
    found = next(matches, None)
    while found is not None:
        following = next(matches, None)
        line += text.count("\n", counted, found.start())
        counted = found.start()
        is_end, name = bool(found[1]), found[2].upper()
        end = following.start() if following else len(text)
        value = "" if is_end or found[3] else _value(text[found.end() : end])
        yield Tag(name, value, line, is_end)
        found = following


def _value(text: str) -> str:
    """Return a text in one line, its entities read and what cannot be shown left out."""
    if "&" in text:
        text = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
    if "\ue000" in text:
        text = text.translate(_BACK)
    text = " ".join(text.split())
    if text.isprintable():
        return text
    return "".join(one for one in text if one.isprintable() or one == "\ufffd").strip()


_BACK = {0xE000: "<", 0xE001: "&"}


def _without_quoting(text: str) -> str:
    """Take comments out, and hide what is quoted in CDATA from the search for tags."""
    for begin, end in _QUOTED:
        if begin not in text:
            continue
        text = text.replace("\ue000", "").replace("\ue001", "") if begin == "<![CDATA[" else text
        parts, at = [], 0
        while (start := text.find(begin, at)) >= 0:
            stop = text.find(end, start + len(begin))
            if stop < 0:
                break
            inside = text[start + len(begin) : stop]
            parts.append(text[at:start])
            if begin == "<!--":
                parts.append("\n" * inside.count("\n"))
            else:
                parts.append(inside.replace("<", "\ue000").replace("&", "\ue001"))
            at = stop + len(end)
        text = "".join([*parts, text[at:]])
    return text
