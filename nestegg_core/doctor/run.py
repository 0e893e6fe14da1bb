"""Runs checks beside each other, and waits for none of them too long."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from nestegg_core import foreign
from nestegg_core.contracts.operations import Diagnosis
from nestegg_core.doctor.causes import explained

SECONDS = 15.0
"""How long all checks together may take."""


@dataclass(frozen=True, slots=True)
class Check:
    area: str
    run: Callable[[], Iterable[Diagnosis]]


@dataclass(frozen=True, slots=True)
class Found:
    area: str
    diagnosis: Diagnosis


def examine(checks: Sequence[Check], seconds: float = SECONDS) -> Sequence[Found]:
    """Run every check in its own thread, and return what they found, in their order.

    A check that is late, or raises, is itself a finding.
    """
    runs = [_Run(check) for check in checks]
    deadline = time.monotonic() + seconds
    for run in runs:
        run.thread.join(max(0.0, deadline - time.monotonic()))
    return [Found(run.check.area, one) for run in runs for one in run.outcome(seconds)]


class _Run:
    def __init__(self, check: Check) -> None:
        self.check = check
        self._found: list[Diagnosis] = []
        self._done = False
        self._error: BaseException | None = None
        self.thread = threading.Thread(target=self._target, name=check.area, daemon=True)
        self.thread.start()

    def outcome(self, seconds: float) -> Sequence[Diagnosis]:
        if self._error is not None:
            return [*self._found, explained(foreign.raised(self._error))]
        return self._found if self._done else [*self._found, _late(seconds)]

    def _target(self) -> None:
        try:
            foreign.contained(lambda: self._found.extend(self.check.run()))
            self._done = True
        except Exception as error:  # whatever is wrong shall not hide the rest
            self._error = error


def _late(seconds: float) -> Diagnosis:
    return Diagnosis(
        "error",
        f"The check did not come back within {seconds:g} seconds",
        "what it looks at does not answer, or very slowly",
        "see whether that is up, and whether a firewall swallows what is sent to it",
    )
