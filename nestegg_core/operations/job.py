"""The scheduled job: makes a backup, proves it, and clears old ones away."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.operations.backups import Backups
from nestegg_core.operations.keeping import Keep

_log = structlog.get_logger("nestegg.backup")


def backup_job(backups: Backups, folder: Path | None, schedule: str, keep: Keep) -> JobRegistration:
    """Return the job. Without a folder it is never due, and fails when somebody asks for it.

    Args:
        backups: does the work.
        folder: `BACKUP_DIR`, as the workers see it.
        schedule: five cron fields in UTC.
        keep: what stays when the new one has been proved.
    """

    def run(arguments: Mapping[str, Any]) -> None:
        del arguments
        where = _given(folder)
        made = backups.create(where)
        backups.verify(made.path)
        _, gone = backups.prune(where, keep)
        _log.info("backup made and proved", file=made.path.name, size=made.size, pruned=len(gone))

    return JobRegistration("backup", run, queue="heavy", schedule=schedule if folder else None)


def _given(folder: Path | None) -> Path:
    if folder is None:
        fix = "set it to a folder that workers can write to, on another disk than the database"
        raise ConfigurationError([Problem("BACKUP_DIR", "is not set", fix)])
    return folder
