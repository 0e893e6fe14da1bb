"""Files and folders that an operator must see to: who owns them, and what stands in the way."""

import errno
import os
import pwd
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
NO_WRITES = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def owner_of(path: Path) -> str:
    """Name the user whom a file or folder belongs to, or the nearest folder that can be seen.

    Example:
        >>> owner_of(Path("/"))
        'it belongs to root'
    """
    for place in (path, *path.parents):
        try:
            number = place.stat().st_uid
        except OSError:
            continue
        try:
            name = pwd.getpwuid(number).pw_name
        except KeyError:
            name = f"user {number}"
        return f"{'it' if place == path else place} belongs to {name}"
    return "its owner cannot be seen"


def obstacle(error: OSError, path: Path | None = None) -> str | None:
    """Tell which file stops the operator, whose it is and what to do.

    Args:
        error: as the system raised it.
        path: in the place of the one that the error names.

    Returns:
        `None` for what is rather a mistake of the program's.

    Example:
        >>> obstacle(PermissionError(13, "Permission denied", "/"))  # doctest: +ELLIPSIS
        'Permission denied: / (it belongs to root). Run this as the user that runs Nest Egg, ...'
    """
    name = path or error.filename
    if not isinstance(name, str | bytes | Path):
        return None
    place = Path(os.fsdecode(name))
    told = f"{error.strerror}: {place} ({owner_of(place)})."
    if error.errno in FULL:
        return f"{told} Make room there."
    if error.errno in NO_WRITES:
        fix = "Run this as the user that runs Nest Egg, or give this one the right (chown, chmod)"
        return f"{told} {fix}."
    return None


def sync_folder(path: Path) -> None:
    """Make what was created, renamed or removed in a folder outlast a power cut (fsync(2))."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
