"""When scheduled jobs are due, and the loop that asks for them.

Any number of schedulers may run: a moment of a schedule is accepted once, by its id.
"""

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from croniter import croniter

from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.errors import NestEggError

LATE = timedelta(minutes=10)
"""A scheduler that starts this soon after a tick makes up for it, if no other has done so."""

_TRY_AGAIN = timedelta(seconds=5)
_LOOK_AGAIN = timedelta(minutes=1)
"""The longest sleep: somebody may set the clock meanwhile."""

_log = structlog.get_logger("nestegg.scheduler")

EnqueueTick = Callable[[str, datetime], str | None]


@dataclass
class Planned:
    """A job, and the tick that is to be asked for next."""

    name: str
    schedule: str
    tick: datetime


class Schedule:
    """Asks for every scheduled job when it is due, until SIGTERM or SIGINT.

    A job whose schedule cannot be read is logged and left out.
    """

    def __init__(self, registrations: Iterable[JobRegistration], enqueue_tick: EnqueueTick) -> None:
        self.planned: list[Planned] = []
        self._enqueue_tick = enqueue_tick
        self._stopping = False
        now = datetime.now(UTC)
        for one in registrations:
            if one.schedule is not None:
                self._plan(one.name, one.schedule, now)

    def _plan(self, name: str, schedule: str, now: datetime) -> None:
        try:
            tick = _last_due(schedule, _next(schedule, now - LATE), now)
        except ValueError:
            _log.error("job has a schedule that cannot be read; it is left out", job=name)
            return
        self.planned.append(Planned(name, schedule, tick))
        _log.info("job is scheduled", job=name, schedule=schedule, next=str(tick))

    def run(self) -> None:
        with _handling_stops(self._stop), suppress(KeyboardInterrupt):
            while True:
                self.ask()
                if self._stopping:  # what ran here has caught the exception that told of it
                    return
                time.sleep(self.pause().total_seconds())

    def ask(self) -> None:
        """Ask for what is due. What the database does not accept just now stays due."""
        now = datetime.now(UTC)
        for job in self.planned:
            if job.tick <= now:
                self._ask_for(job, now)

    def _ask_for(self, job: Planned, now: datetime) -> None:
        # The last tick that has passed, so that all schedulers ask for the same one.
        job.tick = tick = _last_due(job.schedule, job.tick, now)
        try:
            job_id = self._enqueue_tick(job.name, tick)
        except NestEggError as error:
            _log.error("job was not accepted", job=job.name, error=str(error))
            return
        job.tick = _next(job.schedule, tick)
        outcome = "job was asked for" if job_id else "another scheduler was first"
        _log.info(outcome, job=job.name, tick=str(tick), next=str(job.tick))

    def pause(self) -> timedelta:
        now = datetime.now(UTC)
        nearest = min((job.tick - now for job in self.planned), default=_LOOK_AGAIN)
        return min(nearest, _LOOK_AGAIN) if nearest > timedelta(0) else _TRY_AGAIN

    def _stop(self, signum: int, frame: object) -> None:
        """Interrupt sleep and work; and remember it, for a job that runs here may catch it."""
        del signum, frame
        self._stopping = True
        raise KeyboardInterrupt


def _next(schedule: str, after: datetime) -> datetime:
    tick: datetime = croniter(schedule, after).get_next(datetime)
    return tick


def _last_due(schedule: str, tick: datetime, now: datetime) -> datetime:
    """Return the last tick that has passed, from one on; that one itself if none has."""
    while (following := _next(schedule, tick)) <= now:
        tick = following
    return tick


@contextmanager
def _handling_stops(handler: Callable[[int, object], None]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
