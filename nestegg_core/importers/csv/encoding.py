"""Bytes to text: one encoding for the whole file.

The order of decisions: a byte order mark; UTF-16 by where its NULs stand; UTF-8, which other
text almost never is by chance; and last the single-byte encodings, judged by the letters that
they make: a language that the reading explains best wins, and cp1252 wins a tie.
"""

import codecs
import re
from collections import Counter
from dataclasses import dataclass

from nestegg_core.errors import StatementError

# An allow-list: Python also knows "text" encodings whose decoding is quadratic (punycode, idna).
_ALLOWED = frozenset(
    codecs.lookup(name).name
    for name in (
        *("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "ascii"),
        *(f"cp{page}" for page in (437, 850, 852, 858, 866, *range(1250, 1259))),
        *(f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)),
        *("mac-roman", "mac-latin2", "koi8-r", "koi8-u", "shift_jis", "cp932", "euc-jp"),
        *("gb18030", "gbk", "big5", "euc-kr"),
    )
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY = (b"%PDF", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff")
_CONTROLS = bytes(set(range(32)) - {9, 10, 13}) + b"\x7f"
_ASCII = bytes(range(128))
_NOT_LEADING = bytes(range(0xC0))  # bytes that no character of several bytes begins with
_WHOLE_FOR_BROKEN = 10
# Above this share of control characters a file is no text; a stray NUL is forgiven.
_CONTROL_SHARE = 0.05
_FORGIVEN_CONTROLS = 8

_WESTERN = (
    "äöüß",  # German
    "àâæçéèêëîïôœùûüÿ",  # French
    "áéíñóúü¿¡ºª",  # Spanish
    "áâãàçéêíóôõúºª",  # Portuguese
    "àèéìíîòóùú",  # Italian
    "éèëïöüáóíú",  # Dutch
    "åäöæøéðþáíóúý",  # Nordic
)
_CENTRAL = (
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "áéíóöőúüű",  # Hungarian
    "ăâîşţșț",  # Romanian
    "čćđšž",  # Croatian, Slovene
)
_SYMBOLS = "€£§°«»„“”\u2018\u2019\u2013—…\u00a0"
# In order of preference: an earlier one wins a tie.
_SINGLE_BYTE = (
    ("cp1252", _WESTERN),
    ("iso8859-15", _WESTERN),
    ("cp1250", _CENTRAL),
    ("iso8859-2", _CENTRAL),
)


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    encoding: str
    warnings: tuple[str, ...] = ()


def decode(content: bytes, encoding: str | None = None) -> Text:
    """Turn a file's bytes into text, without its byte order mark."""
    if not content.strip():
        raise StatementError("empty_file", "The file is empty. Export the statement again.")
    found = _as_explicit(content, encoding) if encoding is not None else _decide(content)
    text = found.text.lstrip("\ufeff")
    if not text.strip("\0 \t\r\n"):
        raise StatementError("empty_file", "The file holds no text. Export the statement again.")
    return Text(text, found.encoding, found.warnings)


def _as_explicit(content: bytes, encoding: str) -> Text:
    name = _known(encoding)
    try:
        return Text(content.decode(name), name)
    except UnicodeError:
        raise StatementError(
            "bad_option",
            f"The file cannot be read as {name}. Leave `encoding` out to have it worked out.",
            option="encoding",
        ) from None


def _known(encoding: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_.-]{1,20}", encoding):
        try:
            name = codecs.lookup(encoding).name
        except LookupError:
            name = ""
        if name in _ALLOWED:
            return name
    raise StatementError(
        "bad_option",
        "This encoding is unknown. Known are utf-8, utf-16, cp1252, cp1250, iso8859-2 and others.",
        option="encoding",
    )


def _decide(content: bytes) -> Text:
    if content.startswith(_BINARY):
        raise _binary()
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    wide = marked or _utf16(content)
    if wide:
        try:
            return Text(content.decode(wide), wide)
        except UnicodeError:
            raise _binary() from None
    controls = len(content) - len(content.translate(None, _CONTROLS))
    if controls > max(_FORGIVEN_CONTROLS, len(content) * _CONTROL_SHARE):
        raise _binary()
    try:
        return Text(content.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        return _damaged_utf8(content) or _single_byte(content)


def _utf16(content: bytes) -> str | None:
    """Tell UTF-16 without a mark: digits, delimiters and Latin letters have one NUL each."""
    half = len(content) // 2
    first, second = content[0::2].count(0), content[1::2].count(0)
    if second > half * 0.4 and first < half * 0.05:
        return "utf-16-le"
    if first > half * 0.4 and second < half * 0.05:
        return "utf-16-be"
    return None


def _damaged_utf8(content: bytes) -> Text | None:
    """Read UTF-8 with a few broken characters as such: other encodings would garble the rest."""
    text = content.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    whole = len(content.translate(None, _NOT_LEADING)) - broken
    if whole < _WHOLE_FOR_BROKEN * broken:
        return None
    warning = f"The file is UTF-8 with {broken} broken character(s), which are shown as \ufffd."
    return Text(text, "utf-8", (warning,))


def _single_byte(content: bytes) -> Text:
    counts = Counter(content.translate(None, _ASCII))
    best, best_score = None, -1
    for encoding, languages in _SINGLE_BYTE:
        try:
            letters = {bytes([byte]).decode(encoding).casefold(): 0 for byte in counts}
            for byte, count in counts.items():
                letters[bytes([byte]).decode(encoding).casefold()] += count
        except UnicodeDecodeError:
            continue
        score = max(
            sum(count for letter, count in letters.items() if letter in language + _SYMBOLS)
            for language in languages
        )
        if score > best_score:
            best, best_score = encoding, score
    if best is None:
        raise _binary()
    return Text(content.decode(best), best)


def _binary() -> StatementError:
    return StatementError(
        "binary_file",
        "The file is not text in any encoding that is known here. Export it as CSV"
        " (not as PDF or a spreadsheet), or name its `encoding`.",
    )
