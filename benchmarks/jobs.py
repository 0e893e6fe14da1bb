"""Jobs a second through the queue: ours on PostgreSQL, beside bare RQ on the same Redis.

Bare RQ is measured as it is delivered, with a fork for each job, and with its worker that does not
fork, as ours does not. It keeps no rows: the rest is what it costs that no job is lost.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from benchmarks.nothing import nothing
from benchmarks.servers import APPLICATION, OWNER, ROOT, Postgres, running_postgres
from nestegg_core.application import Runtime, build
from nestegg_core.plugin_host import PluginHost
from nestegg_core.settings import Environment, load
from support import job_traces
from support.redis import MISSING, RedisServer, redis_server, running_redis
from support.workers import running, running_command

WORKERS = 2
PATIENCE = 600
OURS, FORKING, SIMPLE = "Nest Egg", "bare RQ", "bare RQ without fork"


@dataclass(frozen=True)
class Rates:
    """Of one measurement, each in jobs a second.

    Attributes:
        asked: accepted, from one process.
        done: from the first that a worker took until none was left.
    """

    asked: float
    done: float


def measure(jobs: int) -> dict[str, dict[str, float]]:
    """Ask for so many jobs that do nothing, then start two workers; for each way of doing them.

    Returns nothing where there is no Redis.
    """
    if redis_server() is None:
        return {}
    with (
        running_redis() as redis,
        running_postgres() as postgres,
        tempfile.TemporaryDirectory() as folder,
    ):
        settings = variables(postgres, redis, Path(folder))
        rates = {
            OURS: _ours(redis, settings, Path(folder), jobs),
            FORKING: _bare(redis, "rq.Worker", Path(folder), jobs),
            SIMPLE: _bare(redis, "rq.SimpleWorker", Path(folder), jobs),
        }
        return {name: asdict(one) for name, one in rates.items()}


def table(results: dict[str, dict[str, float]]) -> str:
    """Return the lines for users."""
    if not results:
        return f"jobs: left out, {MISSING}"
    lines = [f"{'jobs that do nothing':22}{'asked for/s':>12}{'done/s':>10}"]
    lines += [f"{name:22}{one['asked']:12.0f}{one['done']:10.0f}" for name, one in results.items()]
    lines += [
        f"done / {bare}: {results[OURS]['done'] / results[bare]['done']:.2f}"
        for bare in (FORKING, SIMPLE)
    ]
    return "\n".join(lines)


def variables(postgres: Postgres, redis: RedisServer, folder: Path) -> dict[str, str]:
    """Return the settings of an instance in a new database, with a queue."""
    postgres.create_database("jobs")
    return {
        "ENVIRONMENT": "test",
        "NESTEGG_HOME": str(folder),
        "DATABASE_URL": postgres.url("jobs", APPLICATION),
        "DATABASE_ADMIN_URL": postgres.url("jobs", OWNER),
        "REDIS_URL": redis.url,
        "LOG_LEVEL": "WARNING",
    }


def _ours(redis: RedisServer, settings: dict[str, str], folder: Path, jobs: int) -> Rates:
    with instance(settings) as runtime:
        asked = _timed(lambda n: runtime.jobs.enqueue("tick", {"number": n}), jobs)
    command = ("worker", "-Q", "default", "--concurrency", str(WORKERS))
    with running(folder, settings, *command):
        return Rates(asked, _drained(redis, jobs))


@contextmanager
def instance(settings: dict[str, str]) -> Iterator[Runtime]:
    """Give an instance whose jobs are those of `job_traces`."""
    environment = Environment.read(settings, dotenv=None)
    loaded = load(environment)
    host = PluginHost.discover(extra={"job_traces": job_traces})
    runtime = build(loaded, host.select(loaded, environment))
    runtime.storage.upgrade()
    runtime.check_keys()
    yield runtime
    runtime.storage.dispose()


def _bare(redis: RedisServer, worker: str, folder: Path, jobs: int) -> Rates:
    with Redis.from_url(redis.url) as connection:
        queue = Queue("default", connection=connection, serializer=JSONSerializer)
        asked = _timed(lambda n: queue.enqueue(nothing, n), jobs)
    command = [
        str(Path(sys.executable).parent / "rq"),
        *("worker-pool", "default", "--num-workers", str(WORKERS), "--url", redis.url),
        *("--serializer", "json", "--worker-class", worker, "--logging-level", "WARNING"),
    ]
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    with running_command(folder, {"PYTHONPATH": path}, command):
        return Rates(asked, _drained(redis, jobs))


def _timed(ask: Callable[[int], object], jobs: int) -> float:
    began = time.perf_counter()
    for number in range(jobs):
        ask(number)
    return jobs / (time.perf_counter() - began)


def _drained(redis: RedisServer, jobs: int) -> float:
    """Return the rate at which a full queue became an empty one."""
    deadline = time.monotonic() + PATIENCE
    began, left = 0.0, jobs
    with Redis.from_url(redis.url) as connection:
        while left:
            if time.monotonic() > deadline:
                raise RuntimeError("the queue did not become empty")
            time.sleep(0.01)
            left = int(connection.llen("rq:queue:default"))
            if left < jobs and not began:
                began, jobs = time.perf_counter(), left
    return jobs / (time.perf_counter() - began)
