"""The disk: is there room, and who can read what lies there?"""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from nestegg_core.contracts.operations import Diagnosis
from nestegg_core.files import owner_of

MEGABYTE = 1_000_000
LITTLE, NOTHING = 1000 * MEGABYTE, 100 * MEGABYTE
_OTHERS = stat.S_IRWXO
_GROUP_AND_OTHERS = stat.S_IRWXO | stat.S_IRWXG


def room(folders: Mapping[str, Path], little: int = LITTLE) -> Iterator[Diagnosis]:
    """Warn below `little` bytes of room; an error at a tenth of it."""
    for variable, folder in folders.items():
        place = _nearest(folder)
        if not os.access(place, os.W_OK | os.X_OK):
            yield Diagnosis(
                "error",
                f"{variable} cannot be written to by this user: {place} ({owner_of(place)})",
                "nothing can be kept there",
                f"chown it to the user that runs Nest Egg, or set {variable} to another folder",
            )
            continue
        free = shutil.disk_usage(place).free
        if free < little:
            yield Diagnosis(
                "error" if free < little // (LITTLE // NOTHING) else "warning",
                f"There are {free // MEGABYTE} MB left on the disk of {variable}",
                "when it is full, every change is refused and no backup is made",
                f"make room, or move {variable} to a larger disk",
            )


def rights(home: Path, backups: Path | None) -> Iterator[Diagnosis]:
    """Look for what other users of the machine can read."""
    if not os.access(home, os.R_OK | os.X_OK):
        return  # there is nothing yet, or `room` tells that it is somebody else's
    secrets = home / "secrets"
    if secrets.is_dir() and any(
        _allows(path, _GROUP_AND_OTHERS) for path in (secrets, *secrets.iterdir())
    ):
        yield Diagnosis(
            "error",
            "Other users can reach the folder `secrets` in NESTEGG_HOME or a file in it",
            "the keys there open all encrypted data",
            "chmod -R go-rwx on that folder",
        )
    files = list(home.glob("*.sqlite3*"))
    if files and _allows(home, _OTHERS) and any(_allows(path, _OTHERS) for path in files):
        yield Diagnosis(
            "warning",
            "All users of this machine can read the database in NESTEGG_HOME",
            "amounts and payees are not encrypted in it",
            "chmod o-rwx on that folder",
        )
    if backups is not None and os.path.isdir(backups) and _allows(backups, _OTHERS):
        yield Diagnosis(
            "warning",
            "All users of this machine can list the folder BACKUP_DIR",
            "what is copied there by hand may be readable too",
            "chmod o-rwx on that folder",
        )


def _nearest(folder: Path) -> Path:
    """Return the folder, or the one in which it would be made."""
    # `Path.exists` would raise where a folder on the way may not be entered.
    while not os.path.exists(folder) and folder != folder.parent:
        folder = folder.parent
    return folder


def _allows(path: Path, bits: int) -> bool:
    return bool(path.stat().st_mode & bits)
