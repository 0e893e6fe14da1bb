"""How patient the queue is: leases, tries, waits, and how long a job may take."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

TIME_LIMITS: Mapping[str, int] = {"default": 3600, "heavy": 24 * 3600}
"""The queues, and how many seconds one try of a job on each may take."""

_GROWTH = 4
_LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Policy:
    """How often a job is tried, and how long a worker may be silent.

    Attributes:
        lease: how long a worker that was not heard of keeps its job. Messages that were not
            delivered for so long, though others were, are sent again.
        max_tries: after so many the job is kept as failed.
        first_wait: between the first try and the second.
    """

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
