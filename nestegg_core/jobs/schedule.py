"""When scheduled jobs are due: RQ's cron scheduler, made safe to run twice.

RQ reckons in local time, so the process must have been put to UTC (`use_utc`), and it puts a new
job into the queue at every tick: two schedulers, twice. Here a tick is accepted once, by its id.
"""

import os
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import cast

import structlog
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq.cron import CronJob, CronScheduler

from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.errors import NestEggError

LATE = timedelta(minutes=10)
"""A scheduler that starts this soon after a tick makes up for it, if no other has done so."""

_TRY_AGAIN = 5.0

_log = structlog.get_logger("nestegg.scheduler")

EnqueueTick = Callable[[str, datetime], str | None]


def use_utc() -> None:
    """Make UTC the local time of this process."""
    os.environ["TZ"] = "UTC"
    time.tzset()


class Schedule(CronScheduler):
    """Asks for every scheduled job when it is due, until told to stop (SIGTERM, SIGINT).

    Args:
        registrations: jobs; those without a schedule do not count. One whose schedule cannot be
            read is logged and left out.
        enqueue_tick: accepts a tick of a job.
        redis: where RQ keeps a book of its schedulers; `None` without Redis.
    """

    def __init__(
        self,
        registrations: Iterable[JobRegistration],
        enqueue_tick: EnqueueTick,
        redis: Redis | None,
    ) -> None:
        # Without Redis the methods that would use it do nothing.
        super().__init__(connection=cast(Redis, redis))
        self._has_redis = redis is not None
        self._stopping = False
        self._enqueue_tick = enqueue_tick
        for one in registrations:
            if one.schedule is not None:
                self._add(one.name, one.queue, one.schedule)

    def _add(self, name: str, queue: str, schedule: str) -> None:
        try:
            job = CronJob(queue_name=queue, func_name=name, cron=schedule)
        except ValueError:
            _log.error("job has a schedule that cannot be read; it is left out", job=name)
            return
        job.next_enqueue_time = _missed(job) or job.next_enqueue_time
        self._cron_jobs.append(job)
        _log.info("job is scheduled", job=name, schedule=schedule, next=str(job.next_enqueue_time))

    def start(self) -> None:
        """Go on until told to stop."""
        super().start()  # type: ignore[no-untyped-call]  # RQ has no types here

    def enqueue_jobs(self) -> list[CronJob]:
        """Ask for what is due. What the database does not accept just now is asked for again."""
        due = [job for job in self._cron_jobs if job.should_run()]
        return [job for job in due if self._enqueue(job)]

    def _enqueue(self, job: CronJob) -> bool:
        tick = cast(datetime, job.next_enqueue_time)  # `should_run` has looked at it
        try:
            job_id = self._enqueue_tick(job.name, tick)
        except NestEggError as error:
            _log.error("job was not accepted", job=job.name, error=str(error))
            return False
        job.set_enqueue_time(datetime.now(UTC))
        outcome = "job was asked for" if job_id else "another scheduler was first"
        _log.info(outcome, job=job.name, tick=str(tick), next=str(job.next_enqueue_time))
        return True

    def calculate_sleep_interval(self) -> float:
        """Sleep until the next tick; and a little where something is overdue still."""
        if self._stopping:  # what ran just now has caught the exception that told of it
            raise KeyboardInterrupt
        return super().calculate_sleep_interval() or _TRY_AGAIN

    def _request_stop(self, signum: int, frame: object) -> None:
        """Stop for good: RQ raises an ordinary exception, which a job run here would catch."""
        del signum, frame
        self._stopping = True
        raise KeyboardInterrupt

    # RQ's book of schedulers. Nothing of ours depends on it, so Redis may be absent.

    def register_birth(self) -> None:
        """Sign in."""
        self._in_book(super().register_birth)

    def heartbeat(self) -> None:
        """Tell that it lives."""
        self._in_book(super().heartbeat)

    def save(self, pipeline: Pipeline | None = None) -> None:
        """Tell what is due when."""
        self._in_book(lambda: CronScheduler.save(self, pipeline))

    def register_death(self, pipeline: Pipeline | None = None) -> None:
        """Sign out."""
        self._in_book(lambda: CronScheduler.register_death(self, pipeline))

    def _in_book(self, entry: Callable[[], None]) -> None:
        if not self._has_redis:
            return
        try:
            entry()
        except RedisError as error:
            _log.warning("Redis does not answer", error=type(error).__name__)


def _missed(job: CronJob) -> datetime | None:
    """Return the last tick that has just passed."""
    now = datetime.now(UTC)
    missed = None
    job.latest_enqueue_time = now - LATE
    while (tick := job.get_next_enqueue_time()) <= now:
        missed = job.latest_enqueue_time = tick
    job.latest_enqueue_time = None
    return missed
