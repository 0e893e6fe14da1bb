"""Around health checks: a probe answers in time whatever a check does."""

import threading
import time
from collections.abc import Callable, Sequence

from nestegg_core import foreign
from nestegg_core.contracts.operations import HealthCheckRegistration
from nestegg_core.contracts.storage import Finding
from nestegg_core.errors import PluginFault
from nestegg_core.guards.guard import Guard

SECONDS = 1.0
"""How long a check may take."""


MAX_TOLD = 200
"""Characters of what a check tells."""


class BoundedCheck:
    """Runs one check in a thread of its own, and waits a second for it.

    Code cannot be interrupted safely from outside, so a check that hangs keeps its thread; no
    second one is begun meanwhile.

    Attributes:
        name: shown by the probe.
        essential: whether the server is not ready while something is wrong.
    """

    def __init__(self, guard: Guard, registration: HealthCheckRegistration) -> None:
        self.name = registration.name
        self.essential = registration.essential
        self._guard = guard
        self._registration = registration
        self._lock = threading.Lock()
        self._run: _Run | None = None

    def begin(self) -> None:
        """Start the check, unless the last one has not come back yet."""
        with self._lock:
            if self._run is None or self._run.done.is_set():
                self._run = _Run(self._findings)

    def outcome(self, deadline: float) -> str:
        """Return `ok`, or what is wrong, after `begin`.

        Args:
            deadline: when to stop waiting, in seconds of `time.monotonic`.
        """
        run = self._run
        if run is None:
            raise LookupError("begin the check first")
        if not run.done.wait(max(0.0, deadline - time.monotonic())):
            self._guard.fault("check", f"took more than {SECONDS:g} s")
            return "timed out"
        return run.outcome

    def _findings(self) -> str:
        told = self._guard.call("check", (), self._told)
        if told is None:
            raise self._guard.fault("check", "answered no list of Finding")
        return told

    def _told(self) -> str | None:
        found = foreign.call(self._registration.check)
        if isinstance(found, Sequence) and all(isinstance(one, Finding) for one in found):
            told = "; ".join(str(one.what) for one in found) or "ok"
            told.encode()  # a lone surrogate could not be answered
            return _one_line(told)
        return None


def _one_line(text: str) -> str:
    """Everybody may read it, and in a terminal: no more than a line, and nothing that moves it."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= MAX_TOLD else line[: MAX_TOLD - 1] + "…"


class _Run:
    """One run of a check, in a thread that does not keep the process alive."""

    def __init__(self, findings: Callable[[], str]) -> None:
        self.done = threading.Event()
        self.outcome = "failed"
        self._findings = findings
        threading.Thread(target=self._target, name="health check", daemon=True).start()

    def _target(self) -> None:
        try:
            self.outcome = self._findings()
        except PluginFault as fault:  # recorded where it was raised
            if fault.__cause__ is not None:
                self.outcome = f"failed: {type(fault.__cause__).__name__}"
        finally:
            self.done.set()
