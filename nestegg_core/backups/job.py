"""The scheduled job: makes a backup, verifies it, and clears old ones away.

Each of the three can fail and be tried again by itself: a retry of the job verifies the backup that
is there already, and old ones are cleared away whatever became of the new one, or a disk that is
full would stay so.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from nestegg_core.backups import store
from nestegg_core.backups.service import Backups, RotationPolicy
from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.errors import ConfigurationError, Problem

_log = structlog.get_logger("nestegg.backup")


def backup_job(
    backups: Backups,
    folder: Path | None,
    schedule: str,
    keep: RotationPolicy,
    *,
    asked_at: Callable[[], datetime],
) -> JobRegistration:
    """Return the job. Without a folder it is never due, and fails when somebody asks for it.

    `asked_at` belongs to the job, not to a try: of all tries one makes a backup.
    """

    def run(arguments: Mapping[str, Any]) -> None:
        del arguments
        where = _given(folder)
        try:
            made = backups.made_since(where, asked_at()) or backups.create(where).path
            if not store.is_verified(made):
                backups.verify(made)
        finally:
            _prune(backups, where, keep)
        _log.info("backup made and verified", file=made.name, size=made.stat().st_size)

    return JobRegistration("backup", run, queue="heavy", schedule=schedule if folder else None)


def _prune(backups: Backups, folder: Path, keep: RotationPolicy) -> None:
    """Clear old ones away; failing at it is no reason to make another backup."""
    try:
        _, gone = backups.prune(folder, keep)
    except OSError as error:
        _log.error("old backups could not be removed", why=error.strerror, fix="remove them")
    else:
        _log.info("old backups removed", number=len(gone))


def _given(folder: Path | None) -> Path:
    if folder is None:
        fix = "set it to a folder that workers can write to, on another disk than the database"
        raise ConfigurationError([Problem("BACKUP_DIR", "is not set", fix)])
    return folder
