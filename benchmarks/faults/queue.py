"""What may happen to Redis while jobs are asked for and done."""

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faults.report import Report
from benchmarks.faults.scene import wait_for
from benchmarks.jobs import instance, variables
from benchmarks.servers import running_postgres
from nestegg_core.application import Runtime
from support.redis import RedisServer, running_redis
from support.workers import running

PACE = 0.02
"""Seconds between two jobs that are asked for."""


@dataclass
class Asked:
    """Jobs that were accepted, and where each leaves a line when it is done."""

    runtime: Runtime
    file: Path
    numbers: list[int] = field(default_factory=list)

    def ask(self, stop: threading.Event) -> None:
        """Ask for one after the other."""
        while not stop.wait(PACE):
            number = len(self.numbers)
            self.runtime.jobs.enqueue("mark", {"file": str(self.file), "number": number})
            self.numbers.append(number)

    def done(self) -> Counter[int]:
        """Count the runs of each."""
        return Counter(map(int, self.file.read_text().split())) if self.file.exists() else Counter()

    def all_done(self) -> bool:
        """Tell whether each has been done."""
        return not set(self.numbers) - set(self.done())


def stopped(seconds: float) -> Report:
    """End Redis as `kill -9` does, for so long, and have it come back without its data."""

    def fault(redis: RedisServer) -> None:
        redis.stop(lose_data=True)
        time.sleep(seconds)
        redis.start()

    return _under("Redis killed, and back without its data", fault, seconds)


def full(seconds: float) -> Report:
    """Leave Redis no memory for so long; with `noeviction` it takes nothing more."""

    def fault(redis: RedisServer) -> None:
        with redis.client() as client:
            client.config_set("maxmemory", 1)
            time.sleep(seconds)
            client.config_set("maxmemory", 0)

    return _under("Redis full", fault, seconds)


def _under(name: str, fault: Callable[[RedisServer], None], seconds: float) -> Report:
    with _working() as (asked, redis, stop):
        wait_for(lambda: bool(asked.done()), "the first job")
        before = len(asked.done())
        fault(redis)
        ended, there = time.monotonic(), len(asked.done())
        wait_for(lambda: len(asked.done()) > there, "a job that is done again")
        recovery = time.monotonic() - ended
        stop()
        wait_for(asked.all_done, "the jobs that were accepted")
        done = asked.done()
    return Report(
        fault=name,
        asked=len(asked.numbers),
        lost=len(set(asked.numbers) - set(done)),
        doubled=sum(count - 1 for count in done.values()),
        half_done=0,
        failed=0,
        recovery=recovery,
        notes=f"jobs; {before} done before, {there - before} during it; lasted {seconds:.0f} s",
    )


@contextmanager
def _working() -> Iterator[tuple[Asked, RedisServer, Callable[[], None]]]:
    """Ask for jobs and do them until the block ends, or until what it is given is called."""
    with (
        running_redis("--maxmemory-policy", "noeviction") as redis,
        running_postgres(durable=True) as postgres,
        tempfile.TemporaryDirectory() as home,
    ):
        folder = Path(home)
        settings = {**variables(postgres, redis, folder), "JOB_LEASE_SECONDS": "10"}
        stop = threading.Event()
        with instance(settings) as runtime, running(folder, settings, "worker", "-Q", "default"):
            asked = Asked(runtime, folder / "done")
            thread = threading.Thread(target=asked.ask, args=(stop,), name="asker")
            thread.start()

            def end() -> None:
                stop.set()
                thread.join()

            try:
                yield asked, redis, end
            finally:
                end()
