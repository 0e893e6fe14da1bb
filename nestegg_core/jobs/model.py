"""What a job is: its id, its arguments, how often it is tried, and the registry of all jobs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from nestegg_core.contracts.names import aliases, short_name
from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.errors import InvalidInput, NotFound

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
    """Raise NotFound for what cannot be an id; the database is not asked."""
    if not _ID.fullmatch(text):
        raise NotFound(NO_SUCH_JOB)


def as_text(arguments: Mapping[str, Any]) -> str:
    """Return arguments as text, equal for equal ones; InvalidInput if they hold no JSON or nest too
    deeply.
    """
    try:
        # In a list, because they are shown within an answer: what can be stored can be shown.
        text = orjson.dumps([dict(arguments)], option=orjson.OPT_SORT_KEYS)
    except TypeError:
        what = "holds what is no JSON, or is nested too deeply"
        raise InvalidInput.one("/arguments", "not_json", what) from None
    return text[1:-1].decode()


def from_text(text: str) -> dict[str, Any]:
    arguments: dict[str, Any] = orjson.loads(text)
    return arguments


TIME_LIMITS: Mapping[str, int] = {"default": 3600, "heavy": 24 * 3600}
"""The queues, and how many seconds one try of a job on each may take."""

_GROWTH = 4
_LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Policy:
    """How often a job is tried, and how long a silent worker keeps its job (`lease`)."""

    lease: timedelta = timedelta(seconds=30)
    max_tries: int = 5
    first_wait: timedelta = timedelta(seconds=15)

    def wait_after(self, tries: int) -> timedelta:
        """Return how long to wait after so many failed tries: four times as long each time.

        Example:
            >>> [str(Policy().wait_after(tries)) for tries in (1, 2, 3, 4, 5)]
            ['0:00:15', '0:01:00', '0:04:00', '0:16:00', '1:00:00']
        """
        wait = self.first_wait
        for _ in range(1, tries):
            wait = min(wait * _GROWTH, _LONGEST_WAIT)
        return wait


class Registry:
    """Finds a job by its name, or by its short name while that is free."""

    def __init__(self, registrations: Iterable[JobRegistration]) -> None:
        self._by_name = {one.name: one for one in registrations}
        own = {name for name in self._by_name if short_name(name) == name}
        self._aliases = aliases(self._by_name.keys() - own, own)

    def all(self) -> Sequence[JobRegistration]:
        return [self._by_name[name] for name in sorted(self._by_name)]

    def full_name(self, name: str) -> str:
        return self._aliases.get(name, name)

    def wanted(self, name: str) -> JobRegistration:
        full = self.full_name(name)
        if full not in self._by_name:
            alike = [one for one in self._by_name if short_name(one) == name]
            there = ", ".join(sorted(alike or self._by_name))
            raise InvalidInput.one("/name", "unknown_job", f"is no job; there are: {there}")
        return self._by_name[full]

    def accepted(self, name: str) -> JobRegistration:
        """Return the job of a stored row; NotFound if its plugin is not installed here."""
        full = self.full_name(name)
        if full not in self._by_name:
            raise NotFound("No plugin of this worker's installation offers the job.")
        return self._by_name[full]
