"""Bytes to text. What headers say of the encoding is often wrong: the bytes are asked first."""

import codecs
import re
from dataclasses import dataclass

from nestegg_core import StatementError

_HEAD = 64 * 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNS = re.compile(
    r"OFXHEADER\s*[:=]|<\?OFX\b|<(?:OFX|STMTTRN|BANKTRANLIST)(?:\s[^<>]*)?>", re.IGNORECASE
)
_DECLARED = (
    re.compile(rb"<\?xml[^>]{0,200}?\bencoding\s*=\s*[\"']([\w.:-]{1,40})[\"']", re.IGNORECASE),
    re.compile(rb"\bCHARSET\s*:\s*([\w.-]{1,40})", re.IGNORECASE),
    re.compile(rb"\bENCODING\s*:\s*([\w.-]{1,40})", re.IGNORECASE),
)
_ALLOWED = re.compile(
    r"utf-?(8|16(-?[lb]e)?)|cp(125[0-8]|437|850|852|855|866|874|932|936|949|950)"
    r"|iso-?8859-\d{1,2}|latin-?1|mac-?roman|koi8-[ru]|big5|gbk|gb2312|gb18030|euc-?(kr|jp)"
    r"|shift-?jis"
)
_NUMBER = re.compile(r"\d{3,4}")
# What a header means by these is the superset that Windows makes of them.
_SUPERSETS = {
    "iso8859-1": "cp1252",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
}
_FALLBACK = "cp1252"


@dataclass(frozen=True, slots=True)
class Text:
    """A file's text, with `\\n` at the end of each line.

    Attributes:
        encoding: what it was read as.
        warnings: what a user should look at.
    """

    text: str
    encoding: str
    warnings: tuple[str, ...] = ()


def looks_like_ofx(content: bytes) -> bool:
    """Tell from the first bytes whether this is OFX."""
    head = content[:_HEAD]
    if head.startswith(b"%PDF"):
        return False
    return _SIGNS.search(head.replace(b"\0", b"").decode("latin-1")) is not None


def codec_of(name: str) -> str | None:
    """Return the codec of an encoding's name as headers write it, or None.

    Example:
        >>> codec_of("1252"), codec_of("WINDOWS-1251"), codec_of("ISO-8859-15"), codec_of("NONE")
        ('cp1252', 'cp1251', 'iso8859-15', None)
    """
    name = name.strip().lower().replace("_", "-")
    name = name.removeprefix("x-").replace("windows-", "cp").replace("ibm", "cp")
    if _NUMBER.fullmatch(name):
        name = f"cp{name}"
    if not _ALLOWED.fullmatch(name):
        return None
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def decode(content: bytes, told: str | None) -> Text:
    """Decode a file, by what is told, its bytes, or its header.

    Raises:
        StatementError: it is empty, or not of the encoding that is told.
    """
    if not content:
        raise StatementError("empty_file", "The file is empty.")
    if told is not None:
        codec = codec_of(told) or _FALLBACK
        try:
            return _made(content.decode(codec), codec)
        except UnicodeDecodeError:
            raise StatementError(
                "bad_option", "The file is not in this encoding.", option="encoding"
            ) from None
    for mark, codec in _MARKS:
        if content.startswith(mark):
            return _made(content[len(mark) :].decode(codec, "replace"), codec)
    if wide := _wide(content[:_HEAD]):
        return _made(content.decode(wide, "replace"), wide)
    if content.isascii():
        return _made(content.decode("ascii"), "utf-8")
    return _narrow(content)


def _wide(head: bytes) -> str:
    """Return which UTF-16 this is: every second byte of its tags is zero."""
    if b"\0" not in head:
        return ""
    zeros = head[1::2].count(0), head[::2].count(0)
    if max(zeros) * 2 < len(head) // 2:
        return ""
    return "utf-16-le" if zeros[0] > zeros[1] else "utf-16-be"


def _narrow(content: bytes) -> Text:
    declared = _declared(content[:_HEAD])
    try:
        return _made(content.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        pass
    if declared in {None, "utf-8"} and _is_mostly_utf8(content, is_declared=declared is not None):
        return _made(content.decode("utf-8", "replace"), "utf-8")
    codec = declared if declared not in {None, "utf-8"} else _FALLBACK
    codec = _SUPERSETS.get(codec or "", codec or _FALLBACK)
    text = content.decode(codec, "replace")
    doubt = (
        "The file does not say rightly how its letters are encoded: it was read as "
        f"{codec}. Look at the names, and set `encoding` if letters are wrong."
    )
    return _made(text, codec, () if declared == codec else (doubt,))


def _declared(head: bytes) -> str | None:
    for pattern in _DECLARED:
        found = pattern.search(head)
        codec = codec_of(found[1].decode("ascii", "replace")) if found else None
        if codec is not None and not codec.startswith("utf-16"):
            return _SUPERSETS.get(codec, codec)
    return None


def _is_mostly_utf8(content: bytes, *, is_declared: bool) -> bool:
    """Tell UTF-8 in which a bank cut characters in two from another encoding."""
    text = content.decode("utf-8", "replace")
    lost = text.count("\ufffd")
    whole = sum(not character.isascii() for character in text) - lost
    return whole > (0 if is_declared else lost)


def _made(text: str, encoding: str, warnings: tuple[str, ...] = ()) -> Text:
    if lost := text.count("\ufffd"):
        told = f"{lost} character(s) cannot be read in {encoding} and show as \ufffd."
        warnings += (f"{told} Set `encoding` if it is another.",)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return Text(text, encoding, warnings)
