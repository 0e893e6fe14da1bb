"""An upload to XML documents: one, or those of a ZIP archive, as banks send a month of days.

Everything is bounded before anything is unpacked.
"""

import io
import re
import zipfile
import zlib
from dataclasses import dataclass

from nestegg_core import StatementError

MOST_FILES = 1_000
MOST_BYTES = 32 * 2**20
_HEAD = 2**16
_MESSAGE = re.compile(r"<(?:[\w.-]+:)?BkToCstmr(?:Stmt|AcctRpt|DbtCdtNtfctn)[\s/>]")
_ARCHIVE = b"PK\x03\x04"
_ENTRY_OF_DIRECTORY = b"PK\x01\x02"
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 1
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Documents:
    """The messages of an upload, and how many other files lie beside them in the archive."""

    contents: list[bytes]
    others: int = 0


def holds_message(content: bytes) -> bool:
    """Tell from the beginning whether an upload is a message, or an archive with one."""
    if not content.startswith(_ARCHIVE):
        return is_message(content)
    try:
        with _opened(content) as archive:
            return any(
                is_message(_unpacked(archive, member, _HEAD, whole=False))
                for member in _members(archive)
            )
    except StatementError:
        return False


def is_message(content: bytes) -> bool:
    """Tell whether XML begins with a report, statement or notification of a bank's."""
    head = content[:_HEAD]
    if 0 in head[:4] or head.startswith((b"\xff\xfe", b"\xfe\xff")):
        little = head.startswith(b"\xff\xfe") or head[1:2] == b"\0"
        text = head.decode("utf-16-le" if little else "utf-16-be", "replace")
    else:
        text = head.decode("latin-1")
    return _MESSAGE.search(text) is not None


def documents(content: bytes) -> Documents:
    """Return the messages of an upload.

    Raises:
        StatementError: the archive is damaged, encrypted or too large.
    """
    if not content.startswith(_ARCHIVE):
        return Documents([content])
    contents: list[bytes] = []
    others = 0
    left = MOST_BYTES
    with _opened(content) as archive:
        for member in _members(archive):
            unpacked = _unpacked(archive, member, left)
            left -= len(unpacked)
            if is_message(unpacked):
                contents.append(unpacked)
            else:
                others += 1
    return Documents(contents, others)


def _opened(content: bytes) -> zipfile.ZipFile:
    # Each entry of the directory costs memory when it is opened, whatever its end says of them.
    if content.count(_ENTRY_OF_DIRECTORY) > MOST_FILES:
        raise StatementError(
            "too_many_files", f"The archive has more than {MOST_FILES:,} files. Split it."
        )
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except _BROKEN:
        raise _damaged() from None


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = [
        one
        for one in archive.infolist()
        if not one.is_dir() and not one.filename.startswith("__MACOSX/")
    ]
    if any(one.flag_bits & _ENCRYPTED for one in members):
        raise StatementError(
            "encrypted_file", "The archive is encrypted. Unpack it, and import its files."
        )
    return members


def _unpacked(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int, *, whole: bool = True
) -> bytes:
    if member.compress_type not in _METHODS:
        raise _damaged()
    try:
        with archive.open(member) as file:
            content = file.read(most + 1)
    except (*_BROKEN, RuntimeError):
        raise _damaged() from None
    if whole and len(content) > most:
        raise StatementError(
            "file_too_large",
            f"Unpacked, the archive has more than {MOST_BYTES // 2**20} MiB. Split it.",
        )
    return content


def _damaged() -> StatementError:
    return StatementError(
        "damaged_archive", "The ZIP archive is damaged. Download it again, or unpack it."
    )
