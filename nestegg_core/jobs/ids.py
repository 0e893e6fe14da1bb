"""Ids of jobs: UUIDs, and for scheduled ones the name with the moment of the schedule."""

import re
from datetime import UTC, datetime

from nestegg_core.errors import NotFound

NO_SUCH_JOB = "There is no such job."

_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
"""What RQ takes for an id as well."""


def tick_id(name: str, tick: datetime) -> str:
    """Return the id of a scheduled run, equal for every scheduler.

    RQ's ids have no dots. Names have no capitals, so that what stands for one is unmistakable.

    Example:
        >>> tick_id("retention", datetime(2026, 3, 1, 3, 30, tzinfo=UTC))
        'retention-20260301T0330Z'
        >>> tick_id("vault.sweep", datetime(2026, 3, 1, 3, 30, tzinfo=UTC))
        'vault-OF-sweep-20260301T0330Z'
    """
    return f"{name.replace('.', '-OF-')}-{tick.astimezone(UTC):%Y%m%dT%H%MZ}"


def require_id(text: str) -> None:
    """Refuse what cannot be an id, and a database need not be asked about.

    Raises:
        NotFound: there is no such job.
    """
    if not _ID.fullmatch(text):
        raise NotFound(NO_SUCH_JOB)
