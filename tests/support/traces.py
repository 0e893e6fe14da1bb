"""Reads what the jobs of `job_traces` have written."""

import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 60
"""Seconds after which what has not happened does not happen any more."""


class Traces:
    """Files in a folder, one for each kind of job that a test asks for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, name: str = "traces") -> str:
        """Return the path to hand to a job."""
        return str(self._folder / name)

    def lines(self, name: str = "traces") -> list[str]:
        """Return what was written until now."""
        path = self._folder / name
        return path.read_text().splitlines() if path.exists() else []


def eventually(fact: Callable[[], bool], *, within: float = PATIENCE) -> None:
    """Wait until a fact holds, and fail if it does not in time."""
    deadline = time.monotonic() + within
    while not fact():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
