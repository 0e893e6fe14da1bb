"""Backups: is there one, is it young enough, and was one verified?"""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from croniter import croniter

from nestegg_core.backups.store import list_backups
from nestegg_core.contracts.operations import Diagnosis

GRACE = timedelta(hours=6)
"""How much later than scheduled a backup may be: it waits for workers, and takes its time."""


def backups(
    folder: Path | None, schedule: str, now: datetime, *, production: bool
) -> Iterator[Diagnosis]:
    """Without production, having none is only a note."""
    if folder is None:
        yield Diagnosis(
            "warning" if production else "note",
            "No backups are scheduled: BACKUP_DIR is not set",
            "what is lost without a backup is lost",
            "set BACKUP_DIR to a folder on another disk, and run `nestegg scheduler`; or schedule "
            "`nestegg backup create` yourself",
        )
        return
    with suppress(FileNotFoundError):
        os.listdir(folder)  # a folder that may not be read would pass for an empty one
    found = list_backups(folder)
    if not found:
        yield Diagnosis(
            "warning",
            "There is no backup in BACKUP_DIR yet",
            "what is lost without a backup is lost",
            "nestegg jobs run backup",
        )
        return
    if _overdue(found[0].created_at, schedule, now):
        yield Diagnosis(
            "error",
            f"The newest backup is of {found[0].created_at:%Y-%m-%d %H:%M} UTC, older than the "
            "schedule wants",
            "all that was changed since is lost when the database is",
            "see `nestegg jobs list --name backup`; `nestegg scheduler` and `nestegg worker` must "
            "run",
        )
    verified = max((one.verified_at for one in found if one.verified_at is not None), default=None)
    if verified is None or _overdue(verified, schedule, now):
        last = (
            f"was last verified at {verified:%Y-%m-%d %H:%M} UTC"
            if verified
            else "was ever verified"
        )
        yield Diagnosis(
            "warning",
            f"{'A' if verified else 'No'} backup {last}",
            "one that was not restored yet may not restore",
            f"nestegg backup verify {found[0].path.name} (in BACKUP_DIR)",
        )


def _overdue(last: datetime, schedule: str, now: datetime) -> bool:
    following: datetime = croniter(schedule, last).get_next(datetime)
    return now > following + GRACE
