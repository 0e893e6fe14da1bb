"""A pool of worker processes: RQ's, with one queue for each process and an end to stopping."""

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
from rq.serializers import JSONSerializer
from rq.worker_pool import WorkerData, WorkerPool

Work = Callable[[str, str, bool, Callable[[], bool]], None]
"""Works in a new process: queue, name of the worker, whether to stop at its end, whether nobody
looks after the process any more."""

_log = structlog.get_logger("nestegg.worker")


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
    """Keeps so many processes working at each queue; one that dies is replaced.

    Args:
        url: of Redis.
        wanted: how many processes each queue gets.
        work: what a process does.
        grace: how many seconds running jobs may take when the pool is told to stop. What is not
            done by then is killed, and done again by others.
        look_after: called every second, before processes are started.
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
        """Replace processes that have died."""
        if self._look_after is not None:
            self._look_after()
        super().check_workers(respawn)

    def handle_dead_worker(self, worker_data: WorkerData) -> None:
        """Tell of one that ended by itself: it leaves nothing else behind."""
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
        """Tell every worker to finish its job; the clock for that begins to run."""
        self._kill_at = self._kill_at or time.monotonic() + self._grace
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ has no types here

    def all_workers_have_stopped(self) -> bool:
        """Wait no longer than the limit."""
        if time.monotonic() >= self._kill_at:
            for worker in self.worker_dict.values():
                _log.warning("worker is killed: its job takes too long to stop", pid=worker.pid)
                self.stop_worker(worker, signal.SIGKILL)
        stopped: bool = super().all_workers_have_stopped()
        return stopped


def _begin(work: Work, queue: str, name: str, burst: bool, parent: int) -> None:
    """Run in the new process. The parent's handlers came along with the fork, so they go first."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    work(queue, name, burst, lambda: os.getppid() != parent)
