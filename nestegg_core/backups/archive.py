"""The one file of a backup: a tar archive with the dump, the manifest and a checksum.

```
dump              as the storage wrote it
manifest.json     see `manifest.py`
SHA256            the SHA-256 of every byte before its own content, in hexadecimal
```

Any tar reads it (POSIX.1-1988 ustar; sizes beyond 8 GiB as GNU writes them). What follows the
checksum is zeros of a known number, so not one bit can change unnoticed.
"""

import hashlib
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from io import RawIOBase
from pathlib import Path
from typing import IO, Any, cast

from nestegg_core.backups.verify import Figures, Sums
from nestegg_core.errors import NestEggError


class BackupRefused(NestEggError):
    """A backup file cannot be used; the message says why."""


class BackupFailed(NestEggError):
    """A backup was not made; nothing of it is left."""


FORMAT = 1


@dataclass(frozen=True, slots=True)
class KeyPrint:
    """An encryption key that the data may need: its fingerprint says nothing else about it."""

    version: int
    fingerprint: str
    retired: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    created_at: datetime
    release: str
    revision: str
    dump_format: str
    dump_size: int
    dump_sha256: str
    keys: Sequence[KeyPrint] = field(repr=False)
    figures: Figures = field(repr=False)

    def to_json(self) -> bytes:
        document = {"format": FORMAT, **asdict(self), "created_at": self.created_at.isoformat()}
        return json.dumps(document, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        try:
            found = json.loads(text)
            if found.pop("format") != FORMAT:
                raise BackupRefused(_NEWER)
            return cls(
                **{
                    **found,
                    "created_at": datetime.fromisoformat(found["created_at"]),
                    "keys": [KeyPrint(**one) for one in found["keys"]],
                    "figures": _figures(found["figures"]),
                }
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BackupRefused("The manifest of the backup cannot be read.") from None


_NEWER = "A newer release of Nest Egg made this backup: install that one (see its manifest.json)."


def _figures(found: Mapping[str, Any]) -> Figures:
    sums = {
        org_id: {currency: Sums(**one) for currency, one in by_currency.items()}
        for org_id, by_currency in found["sums"].items()
    }
    return Figures(found["rows"], sums)


DUMP, MANIFEST, CHECKSUM = "dump", "manifest.json", "SHA256"
BLOCK = 512
_END = bytes(2 * BLOCK)
_HEX = 64
_TAIL = BLOCK + len(_END)
"""Bytes after the checksum's header."""

_SMALLEST = 3 * BLOCK + _TAIL
_CHUNK = 1 << 20
_MOST_MANIFEST = 256 << 20

Progress = Callable[[int], None]
"""Told how many bytes were dealt with so far."""


def no_progress(done: int) -> None:
    del done


class Hashing(RawIOBase):
    """A file to write to, which remembers the size and the SHA-256 of what was written."""

    def __init__(self, target: IO[bytes], progress: Progress) -> None:
        self._target = target
        self._progress = progress
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:  # type: ignore[override]  # only bytes come here
        self._target.write(data)
        self.digest.update(data)
        self.size += len(data)
        self._progress(self.size)
        return len(data)


def write(
    target: IO[bytes],
    dump: Callable[[IO[bytes]], None],
    manifest: Callable[[int, str], bytes],
    progress: Progress = no_progress,
) -> str:
    """Write an archive to a new file that can seek, and return its checksum."""
    target.write(bytes(BLOCK))  # the header comes when the size is known
    hashing = Hashing(target, progress)
    dump(cast(IO[bytes], hashing))
    target.write(_padding(hashing.size))
    content = manifest(hashing.size, hashing.digest.hexdigest())
    target.write(_header(MANIFEST, len(content)) + content + _padding(len(content)))
    target.write(_header(CHECKSUM, _HEX))
    target.seek(0)
    target.write(_header(DUMP, hashing.size))
    target.flush()
    target.seek(0)
    digest = _digest(target, None, no_progress)
    target.seek(0, os.SEEK_END)
    target.write(digest.encode().ljust(BLOCK, b"\0") + _END)
    return digest


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive whose checksum is right."""

    manifest: bytes
    checksum: str
    _file: IO[bytes] = field(repr=False)
    _dump_size: int = field(repr=False)

    def dump(self) -> IO[bytes]:
        self._file.seek(BLOCK)
        return cast(IO[bytes], _Part(self._file, self._dump_size))


class _Part(RawIOBase):
    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        self._left -= len(data)
        return data


@contextmanager
def opened(path: Path, progress: Progress = no_progress) -> Iterator[Archive]:
    """Open an archive after checking every byte; BackupRefused if it is cut off or altered."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        written = checksum_of(file)
        file.seek(0)
        if _digest(file, size - _TAIL, progress) != written:
            raise BackupRefused(
                "The file is not what was written: its checksum differs. It was altered or "
                "damaged. Use another backup."
            )
        dump_size, manifest = _contents(file)
        yield Archive(manifest, written, file, dump_size)


def checksum_of(file: IO[bytes]) -> str:
    """Return the checksum that an archive ends with, without checking it."""
    size = file.seek(0, os.SEEK_END)
    if size < _SMALLEST or size % BLOCK:
        raise BackupRefused(_NO_END)
    file.seek(size - _TAIL - BLOCK)
    header, tail = file.read(BLOCK), file.read(_TAIL)
    text = tail[:_HEX]
    hexadecimal = all(chr(one) in "0123456789abcdef" for one in text)
    if header != _header(CHECKSUM, _HEX) or not hexadecimal or any(tail[_HEX:]):
        raise BackupRefused(_NO_END)
    return text.decode()


_NO_END = (
    "The file does not end as a backup does: it is cut off, altered, or no backup of Nest Egg's. "
    "Use another one, or copy it again from where it was made."
)


def _contents(file: IO[bytes]) -> tuple[int, bytes]:
    try:
        file.seek(0)
        dump = _read_header(file, DUMP)
        file.seek(dump + len(_padding(dump)), os.SEEK_CUR)
        size = _read_header(file, MANIFEST)
        if size > _MOST_MANIFEST:
            raise ValueError("the manifest is too large")
        return dump, file.read(size)
    except (tarfile.TarError, ValueError):
        raise BackupRefused("The file is no backup of Nest Egg's.") from None


def _read_header(file: IO[bytes], name: str) -> int:
    info = tarfile.TarInfo.frombuf(file.read(BLOCK), "utf-8", "strict")
    if info.name != name:
        raise ValueError("another member was expected")
    return info.size


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o600
    return info.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def _digest(file: IO[bytes], size: int | None, progress: Progress) -> str:
    digest, done = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK if size is None else min(_CHUNK, size - done)):
        digest.update(chunk)
        done += len(chunk)
        progress(done)
    return digest.hexdigest()
