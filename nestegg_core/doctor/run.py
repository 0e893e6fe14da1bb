"""Runs checks beside each other, waits for none of them too long, and explains what they raise."""

import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from nestegg_core import foreign
from nestegg_core.contracts.operations import Diagnosis
from nestegg_core.errors import NestEggError, told
from nestegg_core.files import owner_of

_MISSING_RIGHT = "42501"
_WHY = "what it looks at may be out of order"
_OURS = "nestegg_"


def explained(error: BaseException) -> Diagnosis:
    """Say what stopped a check. A foreign error's text may repeat a secret, so it stays out."""
    if isinstance(error, OSError) and isinstance(error.filename, str | bytes):
        return _of_a_file(error, Path(_text(error.filename)))
    if isinstance(error, NestEggError):
        return Diagnosis("error", told(error), _WHY, "do as it says, then: nestegg doctor")
    if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _MISSING_RIGHT:
        return Diagnosis(
            "error",
            "The application's role lacks a right in the database",
            "whatever needs it fails",
            "nestegg db roles",
        )
    return Diagnosis(
        "error",
        f"The check stopped with {type(error).__name__} in {_place(error)}",
        f"{_WHY}; nestegg doctor did not expect this",
        "report it with this line; the other checks were done",
    )


def _of_a_file(error: OSError, path: Path) -> Diagnosis:
    what = f"{error.strerror or type(error).__name__}: {path} ({owner_of(path)})"
    if isinstance(error, PermissionError):
        fix = "run nestegg doctor as the user that runs Nest Egg, or chown it to that user"
    else:
        fix = "see to that file or folder, then: nestegg doctor"
    return Diagnosis("error", what, _WHY, fix)


def _place(error: BaseException) -> str:
    """Name the line that raised, and the last one of ours on the way there."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "an unknown place"
    ours = [one for one in frames if _OURS in one.filename]
    places = dict.fromkeys(_short(one) for one in (*ours[-1:], frames[-1]))
    return ", from ".join(reversed(places))


def _short(frame: traceback.FrameSummary) -> str:
    return f"{'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno}"


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode(errors="replace")


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
