"""Bytes to text. A QIF file never says how its letters are encoded."""

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
_SIGN = re.compile(r"(?:\s|#[^\r\n]*)*!(?:type|account|option|clear)\b", re.IGNORECASE)
_ALLOWED = re.compile(
    r"utf-?(8|16(-?[lb]e)?)|cp(125[0-8]|437|850|852|855|866|874|932|936|949|950)"
    r"|iso-?8859-\d{1,2}|latin-?1|mac-?roman|koi8-[ru]|big5|gbk|gb2312|gb18030|euc-?(kr|jp)"
    r"|shift-?jis"
)


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


def looks_like_qif(content: bytes) -> bool:
    """Tell from the first line that is not blank whether this is QIF."""
    head = content[:_HEAD].replace(b"\0", b"").decode("utf-8", "replace")
    return _SIGN.match(head.lstrip("\ufeff\ufffd")) is not None


def codec_of(name: str) -> str | None:
    """Return the codec of an encoding's name, or None.

    Example:
        >>> codec_of("windows-1251"), codec_of("Mac Roman"), codec_of("rot13")
        ('cp1251', 'mac-roman', None)
    """
    name = re.sub(r"[\s_]", "-", name.strip().lower()).replace("windows-", "cp")
    if not _ALLOWED.fullmatch(name):
        return None
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def decode(content: bytes, told: str | None) -> Text:
    """Decode a file, by what is told, or its bytes.

    Raises:
        StatementError: it is empty, or not of the encoding that is told.
    """
    if not content:
        raise StatementError("empty_file", "The file is empty.")
    if told is not None and (codec := codec_of(told)) is not None:
        try:
            return _made(content.decode(codec), codec)
        except UnicodeDecodeError:
            raise StatementError(
                "bad_option", "The file is not in this encoding.", option="encoding"
            ) from None
    for mark, codec in _MARKS:
        if content.startswith(mark):
            return _made(content[len(mark) :].decode(codec, "replace"), codec)
    if content[:2].count(0) == 1 or content[:4].count(0) == 2:  # noqa: PLR2004 - `!T` in UTF-16
        codec = "utf-16-be" if content[0] == 0 else "utf-16-le"
        return _made(content.decode(codec, "replace"), codec)
    try:
        return _made(content.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        pass
    # Lines that end as on the Macintosh of old come from there.
    codec = "mac-roman" if b"\r" in content and b"\n" not in content else "cp1252"
    doubt = (
        f"The file does not say how its letters are encoded: it was read as {codec}. Look at the "
        "names, and set `encoding` if letters are wrong."
    )
    return _made(content.decode(codec, "replace"), codec, (doubt,))


def _made(text: str, encoding: str, warnings: tuple[str, ...] = ()) -> Text:
    if lost := text.count("\ufffd"):
        told = f"{lost} character(s) cannot be read in {encoding} and show as \ufffd."
        warnings += (f"{told} Set `encoding` if it is another.",)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return Text(text, encoding, warnings)
