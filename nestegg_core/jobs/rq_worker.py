"""One worker process: RQ's, which takes messages from one queue and does one job at a time.

It listens on one queue only, for then RQ moves a message aside as it takes it and cannot lose it
in between. Jobs run in the process itself: a fork for each would cost more than most jobs, and what
a fork protects from, the lease does. A job that takes the process with it is found by the sweep of
another worker, and the pool starts a new process.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from types import FrameType

import structlog
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker_pool import WorkerData, WorkerPool
from rq.worker_registration import register

from nestegg_core.jobs.service import Jobs

_RQ_LISTENS_LESS = 15
"""RQ listens for so many seconds less than a worker may be silent."""

_ANSWER_SECONDS = 10
"""How long Redis may take for an answer, beyond what it was told to wait; RQ wants no less."""

_log = structlog.get_logger("nestegg.worker")
_serving: list[Jobs] = []


def perform(job_id: str) -> None:
    """Do a job. RQ finds this function by its name, so what it needs lies in this module."""
    _serving[0].deliver(job_id)


def serve(
    jobs: Jobs, url: str, queue: str, *, name: str, burst: bool, stopped: Callable[[], bool]
) -> None:
    """Work until SIGTERM or SIGINT; the running job is finished first."""
    _serving[:] = [jobs]
    redis = Redis.from_url(url, socket_timeout=jobs.sweep_seconds + _ANSWER_SECONDS)
    _wait_for(redis, stopped)
    worker = _Worker(jobs, stopped, queue, name, redis)
    worker.work(burst=burst, logging_level="WARNING")


def _wait_for(redis: Redis, stopped: Callable[[], bool]) -> None:
    while not stopped():
        try:
            redis.ping()
        except RedisError as error:
            _log.warning("worker waits for Redis", error=type(error).__name__)
            time.sleep(1)
        else:
            return


class _Worker(SimpleWorker):
    max_connection_wait_time = 5.0

    def __init__(
        self, jobs: Jobs, stopped: Callable[[], bool], queue: str, name: str, redis: Redis
    ) -> None:
        self._jobs = jobs
        self._stopped = stopped
        super().__init__(
            [queue],
            name=name,
            connection=redis,
            serializer=JSONSerializer,
            # It sweeps when it has listened for so long, and between two jobs.
            maintenance_interval=jobs.sweep_seconds - 1,
            worker_ttl=jobs.sweep_seconds + _RQ_LISTENS_LESS,
        )

    def run_maintenance_tasks(self) -> None:
        """Clean RQ's registries as ever, and see to what RQ does not promise."""
        if self._stopped():
            raise StopRequested
        super().run_maintenance_tasks()  # type: ignore[no-untyped-call]  # RQ gives no types here
        self._jobs.sweep()

    def subscribe(self) -> None:
        """Take no commands: whoever reaches Redis must not be able to stop the workers."""

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Send in one round trip what RQ sends in three, several times for each job.

        The worker signs in again with it: RQ does so at its birth alone, and a Redis that has lost
        its data would know of no worker for as long as they live.
        """
        if pipeline is not None:
            super().heartbeat(timeout, pipeline)
            return
        with self.connection.pipeline(transaction=False) as together:
            together.hset(self.key, "queues", ",".join(self.queue_names()))
            register(self, together)
            super().heartbeat(timeout, together)
            together.execute()

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """Let RQ never take a running job for abandoned: our lease decides that."""
        del working_time
        return int(job.timeout or 0) + 60


Work = Callable[[str, str, bool, Callable[[], bool]], None]
"""Works in a new process: queue, name of the worker, whether to stop at its end, whether nobody
looks after the process any more."""


def shares(queues: Sequence[str], concurrency: int) -> dict[str, int]:
    """Deal worker processes out to queues, in turn; each queue gets one at least.

    Example:
        >>> shares(["default", "heavy"], 3)
        {'default': 2, 'heavy': 1}
        >>> shares(["default", "heavy"], 1)
        {'default': 1, 'heavy': 1}
    """
    total = max(concurrency, len(queues))
    return dict(Counter(queues[number % len(queues)] for number in range(total)))


class Pool(WorkerPool):
    """Keeps the wanted number of processes at each queue; one that dies is replaced.

    Jobs that are not done `grace` seconds after the pool is stopped are killed, and done again by
    others.
    """

    def __init__(
        self,
        url: str,
        wanted: Mapping[str, int],
        work: Work,
        grace: float,
        look_after: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(
            list(wanted),
            connection=Redis.from_url(url),
            num_workers=sum(wanted.values()),
            serializer=JSONSerializer,
        )
        self._wanted = wanted
        self._work = work
        self._grace = grace
        self._look_after = look_after
        self._queue_of: dict[str, str] = {}
        self._kill_at = 0.0

    def check_workers(self, respawn: bool = True) -> None:
        if self._look_after is not None:
            self._look_after()
        super().check_workers(respawn)

    def handle_dead_worker(self, worker_data: WorkerData) -> None:
        code = worker_data.process.exitcode
        if code and not self._kill_at:
            _log.error("worker process has ended by itself", pid=worker_data.pid, code=code)
        super().handle_dead_worker(worker_data)

    def get_worker_process(
        self,
        name: str,
        burst: bool,
        _sleep: float = 0,
        logging_level: str = "INFO",
    ) -> BaseProcess:
        """Return a process for the queue that lacks one most."""
        del _sleep, logging_level
        there = Counter(q for worker, q in self._queue_of.items() if worker in self.worker_dict)
        queue = max(self._wanted, key=lambda one: self._wanted[one] - there[one])
        self._queue_of[name] = queue
        arguments = (self._work, queue, name, burst, os.getpid())
        return get_context("fork").Process(target=_begin, args=arguments, name=f"worker {queue}")

    def request_stop(self, signum: int | None = None, frame: FrameType | None = None) -> None:
        self._kill_at = self._kill_at or time.monotonic() + self._grace
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ has no types here

    def all_workers_have_stopped(self) -> bool:
        if time.monotonic() >= self._kill_at:
            for worker in self.worker_dict.values():
                _log.warning("worker is killed: its job takes too long to stop", pid=worker.pid)
                self.stop_worker(worker, signal.SIGKILL)
        stopped: bool = super().all_workers_have_stopped()
        return stopped


def _begin(work: Work, queue: str, name: str, burst: bool, parent: int) -> None:
    """The parent's handlers came along with the fork, so they go first."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    work(queue, name, burst, lambda: os.getppid() != parent)
