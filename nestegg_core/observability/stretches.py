"""Tells of trouble once for each stretch of time, not once for each request that meets it."""

import threading
import time
from collections.abc import Callable

SECONDS = 60.0


class Stretches:
    """Counts how often each trouble is met, and says when it is time to tell of it.

    Args:
        seconds: how long a stretch is.
        now: seconds that go on.

    Example:
        >>> stretches = Stretches(now=iter([0.0, 1.0, 2.0, 61.0]).__next__)
        >>> [stretches.met("full") for _ in range(4)]
        [1, 0, 0, 3]
    """

    def __init__(self, seconds: float = SECONDS, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._now = now
        self._lock = threading.Lock()
        self._began: dict[str, float] = {}
        self._met: dict[str, int] = {}

    def met(self, trouble: str) -> int:
        """Take one; return how many there were since they were last told of, 0 for not yet.

        Args:
            trouble: one of few texts, for each is kept.
        """
        with self._lock:
            now, count = self._now(), self._met.get(trouble, 0) + 1
            began = self._began.get(trouble)
            if began is not None and now < began + self._seconds:
                self._met[trouble] = count
                return 0
            self._began[trouble], self._met[trouble] = now, 0
            return count
