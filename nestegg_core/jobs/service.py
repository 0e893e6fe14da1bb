"""The jobs of an instance: asking for them, and looking after what was asked for."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from nestegg_core.contracts.metrics import MetricsExporter
from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.contracts.storage import Finding
from nestegg_core.database.types import new_id
from nestegg_core.errors import Conflict, InvalidInput, NestEggError
from nestegg_core.jobs.model import TIME_LIMITS, Registry, tick_id
from nestegg_core.jobs.rq_queue import RedisError, RedisQueue
from nestegg_core.jobs.runner import CORE, SCHEDULE, JobRunner
from nestegg_core.jobs.store import DONE, FAILED, LOST, Accepted, JobRecovery, JobStore

BUSY = "The same job with the same arguments is running. Ask again when it is done."

_PAUSE = 5.0
"""Seconds for which Redis is not tried again after it failed: callers shall not all wait for it."""

_SWEEPS_PER_LEASE = 6

BATCH = 500
"""Messages that are sent again at once."""

_log = structlog.get_logger("nestegg.jobs")


class Jobs:
    """Accepts jobs, hands them to workers, and finds those that were lost on the way.

    Without a `queue` each job runs in the process that asks for it.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        store: JobStore,
        recovery: JobRecovery,
        runner: JobRunner,
        queue: RedisQueue | None,
        metrics: MetricsExporter,
    ) -> None:
        self._registry = registry
        self._store = store
        self._recovery = recovery
        self._runner = runner
        self._metrics = metrics
        self._try_redis_at = 0.0
        self.queue = queue

    def registered(self) -> Sequence[JobRegistration]:
        return self._registry.all()

    def full_name(self, name: str) -> str:
        return self._registry.full_name(name)

    @property
    def sweep_seconds(self) -> int:
        """How often each worker sweeps, so that a lost job is found soon after its lease."""
        return max(2, int(self._store.policy.lease.total_seconds() / _SWEEPS_PER_LEASE))

    def enqueue(
        self, name: str, arguments: Mapping[str, Any] | None = None, *, asked_by: str = CORE
    ) -> str:
        """Accept a job and return its id; it is done even if Redis is down just now.

        Without a queue it is done, or has failed, when this returns. Call it outside of any
        transaction.
        """
        job_id = str(new_id())
        self._accept(job_id, name, arguments or {}, asked_by)
        return job_id

    def enqueue_tick(self, name: str, tick: datetime) -> str | None:
        """Accept a scheduled job's run for one moment; `None` if another scheduler was first."""
        job_id = tick_id(name, tick)
        return job_id if self._accept(job_id, name, {}, SCHEDULE) else None

    def retry(self, job_id: str) -> None:
        """Give a failed job as many tries as a new one; Conflict if it has not failed."""
        self._begin(self._store.retry(job_id), job_id)

    def deliver(self, job_id: str) -> None:
        """Do what a message asks for; what the job raises is in its row."""
        try:
            self._runner.run(job_id)
        except Conflict:
            self._store.defer(job_id)

    def check(self) -> Sequence[Finding]:
        try:
            if self.queue is not None:
                self.queue.ping()
        except RedisError as error:
            what = f"Redis does not answer ({type(error).__name__}): jobs wait"
            return [Finding(what, "start Redis, or correct QUEUE_REDIS_URL or REDIS_URL")]
        return []

    def sweep(self) -> None:
        """Take back the jobs of lost workers, and send again what Redis has lost.

        Workers do this every few seconds. Never raises for what is out of reach: it may not be
        the next time.
        """
        if self.queue is None:
            return
        try:
            self._sweep(self.queue)
        except (NestEggError, RedisError) as error:
            _log.warning("jobs were not looked after", error=type(error).__name__)

    def _accept(self, job_id: str, name: str, arguments: Mapping[str, Any], asked_by: str) -> bool:
        job = self._registry.wanted(name)
        if not self._store.accept(Accepted(job_id, job.name, job.queue, asked_by, arguments)):
            return False
        self._begin(job.queue, job_id)
        return True

    def _begin(self, queue: str, job_id: str) -> None:
        if self.queue is None:
            self._run_here(job_id)
        elif time.monotonic() >= self._try_redis_at:
            self._send(self.queue, queue, [job_id])

    def _run_here(self, job_id: str) -> None:
        self._given_up(self._recovery.requeue_lost(max_tries=0)[1])
        try:
            self._runner.run(job_id)
        except Conflict:
            self._store.refuse(job_id, BUSY)

    def _send(self, target: RedisQueue, queue: str, job_ids: Sequence[str]) -> bool:
        """The rows say that these were sent; if that is not true, the sweep finds out."""
        try:
            target.send(queue, job_ids)
        except RedisError as error:
            self._try_redis_at = time.monotonic() + _PAUSE
            _log.warning("jobs wait for Redis", jobs=len(job_ids), error=type(error).__name__)
            return False
        return True

    def _sweep(self, target: RedisQueue) -> None:
        again, given_up = self._recovery.requeue_lost()
        for row in again:
            _log.warning("job is put back", job=row.name, job_id=row.id, error=LOST)
            self._metrics.count("jobs", {"job": row.name, "outcome": "lost"})
        self._given_up(given_up)
        for queue in TIME_LIMITS:
            self._metrics.gauge("jobs_waiting", {"queue": queue}, self._recovery.waiting(queue))
            while ids := self._recovery.orphaned(queue, target.first(queue), BATCH):
                if not self._send(target, queue, ids):
                    return

    def _given_up(self, rows: Sequence[Any]) -> None:
        for row in rows:
            _log.error("job failed", job=row.name, job_id=row.id, outcome="failed", error=LOST)
            self._metrics.count("jobs", {"job": row.name, "outcome": "failed"})


KEPT = {DONE: timedelta(days=14), FAILED: timedelta(days=90)}


def cleanup_job(store: JobStore) -> JobRegistration:
    def delete_old(arguments: Mapping[str, Any]) -> None:
        if arguments:
            raise InvalidInput.one("/arguments", "not_wanted", "the job takes none")
        for state, age in KEPT.items():
            _log.info(
                "old jobs deleted", state=state, jobs=store.delete_old(of_state=state, age=age)
            )

    return JobRegistration("forget_jobs", delete_old, schedule="40 3 * * *")
