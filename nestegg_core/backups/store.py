"""A folder of backups: their names, which of them were verified, and new ones put there whole."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from nestegg_core.backups.archive import BackupFailed, BackupRefused, checksum_of
from nestegg_core.files import sync_folder

SUFFIX = ".backup"
_VERIFIED = ".verified"
_PARTIAL = ".partial"
_MOMENT = "nestegg-%Y%m%dT%H%M%SZ"
_LEFT_BEHIND = timedelta(hours=25)
"""Longer than making one may take."""


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A backup in a folder; `verified_at` is of this very file."""

    path: Path
    created_at: datetime
    size: int
    verified_at: datetime | None


def list_backups(folder: Path) -> Sequence[BackupFile]:
    """Return the backups of a folder, the newest first; other files do not count."""
    found = [one for path in folder.glob(f"*{SUFFIX}") if (one := _kept(path)) is not None]
    return sorted(found, key=lambda one: (one.created_at, one.path.name), reverse=True)


def mark_verified(path: Path, checksum: str, moment: datetime) -> None:
    note = {"verified_at": moment.isoformat(), "sha256": checksum}
    beside = path.with_name(path.name + _VERIFIED)
    partial = beside.with_name(f".{beside.name}{_PARTIAL}")
    try:
        partial.write_text(json.dumps(note) + "\n", encoding="utf-8")
        partial.replace(beside)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise BackupFailed(
            f"The backup is good, but {beside} cannot be written ({error.strerror}), so it does "
            "not count as verified."
        ) from error


def is_verified(path: Path) -> bool:
    return _verified_at(path) is not None


def remove(one: BackupFile) -> None:
    one.path.unlink(missing_ok=True)
    one.path.with_name(one.path.name + _VERIFIED).unlink(missing_ok=True)


@contextmanager
def new_file(folder: Path, moment: datetime) -> Iterator[tuple[Path, IO[bytes]]]:
    """Yield a path and a file that appears there only if the block ends well; BackupFailed if the
    disk is full.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clean(folder)
        path, partial, number = _free(folder, moment)
        try:
            with os.fdopen(number, "w+b") as file:
                yield path, file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            sync_folder(folder)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BackupFailed(
            f"No backup was made in {folder}: {error.strerror or 'it cannot be written'}. Make "
            "room there, or choose another folder: --to, BACKUP_DIR."
        ) from error


def _kept(path: Path) -> BackupFile | None:
    try:
        stem = path.name.removesuffix(SUFFIX).partition("Z")[0] + "Z"
        created_at = datetime.strptime(stem, _MOMENT).replace(tzinfo=UTC)
        size = path.stat().st_size
    except (ValueError, FileNotFoundError):
        return None
    return BackupFile(path, created_at, size, _verified_at(path))


def _verified_at(path: Path) -> datetime | None:
    try:
        note = json.loads(path.with_name(path.name + _VERIFIED).read_text(encoding="utf-8"))
        with path.open("rb") as file:
            same = checksum_of(file) == note["sha256"]
        return datetime.fromisoformat(note["verified_at"]) if same else None
    except (OSError, ValueError, KeyError, TypeError, BackupRefused):
        return None


def _free(folder: Path, moment: datetime) -> tuple[Path, Path, int]:
    """Take a name that neither a backup nor one in the making has."""
    stem, number = moment.astimezone(UTC).strftime(_MOMENT), 1
    while True:
        path = folder / f"{stem}{f'-{number}' if number > 1 else ''}{SUFFIX}"
        partial = folder / f".{path.name}{_PARTIAL}"
        number += 1
        with suppress(FileExistsError):
            opened = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            if not path.exists():
                return path, partial, opened
            os.close(opened)
            partial.unlink()


def _clean(folder: Path) -> None:
    limit = (datetime.now(UTC) - _LEFT_BEHIND).timestamp()
    for path in folder.glob(f".*{_PARTIAL}"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < limit:
                path.unlink()
