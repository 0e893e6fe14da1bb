"""Real workers and schedulers on a real Redis: what they promise while all around them dies."""

import os
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nestegg_core.application import Runtime
from nestegg_core.doctor.queue import workers
from support import job_traces
from support.postgres import APPLICATION, OWNER, Postgres
from support.redis import RedisServer, running_redis
from support.serving import serving
from support.traces import Traces, eventually
from support.workers import Process, kill, running

JOBS = int(os.environ.get("NESTEGG_TEST_JOBS", "200"))
"""How many jobs are asked for while workers are killed; 10,000 take a while."""

IMPATIENT = {"JOB_LEASE_SECONDS": "2", "JOB_RETRY_SECONDS": "1", "JOB_MAX_TRIES": "3"}


class Instance:
    """An instance with real workers somewhere; this process only asks."""

    def __init__(self, runtime: Runtime, redis: RedisServer, variables: dict[str, str]) -> None:
        self.runtime = runtime
        self.redis = redis
        self.variables = variables

    def ask(self, name: str, **arguments: Any) -> str:
        return self.runtime.jobs.enqueue(name, arguments)

    def row(self, job_id: str) -> dict[str, Any]:
        return self.runtime.job_list.read(job_id)

    def ended(self, job_id: str) -> bool:
        return self.row(job_id)["state"] in {"done", "failed"}


@pytest.fixture(scope="module")
def redis_of_workers() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@contextmanager
def started(redis: RedisServer, database: dict[str, str], home: Path) -> Iterator[Instance]:
    home_variables = {"ENVIRONMENT": "test", "NESTEGG_HOME": str(home)}
    variables = {**home_variables, **database, **IMPATIENT, "REDIS_URL": redis.url}
    with serving(variables) as serve:
        runtime = serve.runtime(plugins={"job_traces": job_traces})
        runtime.storage.upgrade()
        runtime.check_keys()
        yield Instance(runtime, redis, variables)


@pytest.fixture(scope="module")
def instance(
    postgres: Postgres,
    redis_of_workers: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Instance]:
    """An instance on PostgreSQL, where several workers belong."""
    postgres.create_database("workers")
    database = {
        "DATABASE_URL": postgres.url("workers", APPLICATION),
        "DATABASE_ADMIN_URL": postgres.url("workers", OWNER),
    }
    with started(redis_of_workers, database, tmp_path_factory.mktemp("home")) as instance:
        yield instance


def test_a_worker_is_known_again_after_redis_has_lost_its_data(
    instance: Instance, tmp_path: Path
) -> None:
    def known() -> bool:
        return frozenset({"heavy"}) in workers(instance.redis.url)

    with running(tmp_path, instance.variables, "worker", "-Q", "heavy", "-c", "1") as alone:
        eventually(known)
        eventually(lambda: alone.logged("worker waits for jobs"))
        with instance.redis.client() as client:
            client.flushall()
        assert not known()

        eventually(known)
        assert alone.stop() == 0
    assert not known()


@pytest.fixture(scope="module")
def pool(instance: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Three processes at the queue `default`, for all tests that leave the pool running."""
    folder = tmp_path_factory.mktemp("pool")
    command = ("worker", "-Q", "default", "--concurrency", "3", "--log-level", "info")
    with running(folder, instance.variables, *command) as pool:
        yield pool


def test_the_job_of_a_killed_worker_is_done_by_another(
    instance: Instance, pool: Process, traces: Traces
) -> None:
    job_id = instance.ask("hang_at_first", file=traces.file(), number=7)
    eventually(lambda: bool(traces.lines("traces.begun")))
    (hanging,) = traces.lines("traces.begun")
    (worker,) = (one for one in pool.workers() if one.pid == int(hanging))

    kill(worker)
    eventually(lambda: instance.ended(job_id))

    row = instance.row(job_id)
    assert (row["state"], row["tries"], traces.lines()) == ("done", 2, ["7"])
    (told,) = (one for one in pool.log.read_text().splitlines() if f"pid={hanging}" in one)
    assert "worker process has ended by itself" in told
    assert "code=-9" in told


@pytest.mark.usefixtures("pool")
def test_a_job_that_kills_its_worker_every_time_is_kept_as_failed_and_stops_nothing(
    instance: Instance, traces: Traces
) -> None:
    crashing = instance.ask("crash", file=traces.file("crashes"))
    other = instance.ask("mark", file=traces.file(), number=1)
    eventually(lambda: instance.ended(crashing) and instance.ended(other))

    row = instance.row(crashing)
    assert (row["state"], row["tries"]) == ("failed", 3)
    assert "worker was lost" in row["error"]
    assert traces.lines("crashes") == ["crash"] * 3
    assert traces.lines() == ["1"]


@pytest.mark.usefixtures("pool")
def test_a_job_that_fails_is_tried_again_and_kept_with_its_error(
    instance: Instance, traces: Traces
) -> None:
    job_id = instance.ask("fail", file=traces.file())
    eventually(lambda: instance.ended(job_id))

    row = instance.row(job_id)
    assert (row["state"], row["tries"]) == ("failed", 3)
    assert "ZeroDivisionError" in row["error"]
    assert traces.lines() == ["fail"] * 3


def test_no_job_is_lost_while_workers_are_killed_at_random(
    instance: Instance, pool: Process, traces: Traces
) -> None:
    ask_and_kill(instance, pool, traces, JOBS)
    eventually(lambda: len(pool.workers()) == 3)


def test_no_job_is_lost_on_sqlite_either(tmp_path: Path, traces: Traces) -> None:
    with (
        running_redis() as redis,
        started(redis, {}, tmp_path / "home") as instance,
        running(tmp_path, instance.variables, "worker", "-Q", "default") as pool,
    ):
        ask_and_kill(instance, pool, traces, JOBS // 4)


def ask_and_kill(instance: Instance, pool: Process, traces: Traces, jobs: int) -> None:
    """Ask for jobs, kill a worker now and then, and verify that each job was done."""
    chance = random.Random(20260301)  # noqa: S311 - it chooses whom to kill
    accepted, patience = [], 60 + jobs / 10
    for number in range(jobs):
        accepted.append(instance.ask("mark", file=traces.file(), number=number))
        if number % max(40, jobs // 20) == 20:
            kill_one(pool, chance)
    for job_id in accepted[jobs // 5 :: jobs // 5]:
        eventually(partial(instance.ended, job_id), within=patience)
        kill_one(pool, chance)
    eventually(lambda: all(map(instance.ended, accepted)), within=patience)

    assert {instance.row(job_id)["state"] for job_id in accepted} == {"done"}
    assert set(traces.lines()) == set(map(str, range(jobs)))


def kill_one(pool: Process, chance: random.Random) -> None:
    if workers := pool.workers():
        kill(chance.choice(workers))


@pytest.mark.parametrize("lose_data", [False, True], ids=["with its data", "without its data"])
def test_redis_stopped_and_started_loses_no_accepted_job(
    instance: Instance, pool: Process, traces: Traces, lose_data: bool
) -> None:
    def ask(numbers: range) -> list[str]:
        return [instance.ask("mark", file=traces.file(), number=n, seconds=0.02) for n in numbers]

    accepted = ask(range(20))
    instance.redis.stop(lose_data=lose_data)
    accepted += ask(range(20, 40))
    instance.redis.start()
    accepted += ask(range(40, 60))
    eventually(lambda: all(map(instance.ended, accepted)))

    assert {instance.row(job_id)["state"] for job_id in accepted} == {"done"}
    assert set(traces.lines()) == set(map(str, range(60)))
    eventually(lambda: len(pool.workers()) == 3)


@pytest.mark.usefixtures("pool")
def test_a_schedule_fires_once_though_two_schedulers_run(
    instance: Instance, tmp_path: Path
) -> None:
    command = ("scheduler", "--log-level", "info")
    with (
        running(tmp_path, instance.variables, *command) as one,
        running(tmp_path, instance.variables, *command) as other,
    ):
        eventually(lambda: bool(ticks(one)) and bool(ticks(other)))
        assert [one.stop(), other.stop()] == [0, 0]
    rows, _ = instance.runtime.job_list.page({"name": "tick"}, limit=100)
    eventually(lambda: all(instance.ended(row["id"]) for row in rows))

    asked = ticks(one, "job was asked for") + ticks(other, "job was asked for")
    assert len(ticks(one)) + len(ticks(other)) >= 2
    assert len(rows) == len(asked) == len(set(asked))
    assert [instance.row(row["id"])["tries"] for row in rows] == [1] * len(rows)


def ticks(scheduler: Process, outcome: str = "") -> list[str]:
    """Return the ticks that a scheduler has dealt with, or those of one outcome."""
    lines = [line for line in scheduler.log.read_text().splitlines() if outcome in line]
    return [
        found[1]
        for line in lines
        if (found := re.search(r"job=job_traces\.tick .*\btick=(\S+)", line))
    ]


def test_a_worker_that_is_told_to_stop_finishes_its_job_and_begins_no_other(
    instance: Instance, tmp_path: Path, traces: Traces
) -> None:
    running_job = instance.ask("heavy_mark", file=traces.file(), number=1, seconds=2)
    waiting_job = instance.ask("heavy_mark", file=traces.file(), number=2, seconds=2)
    command = ("worker", "-Q", "heavy", "--concurrency", "1")
    with running(tmp_path, instance.variables, *command) as worker:
        eventually(lambda: instance.row(running_job)["state"] == "running")
        assert worker.stop() == 0

    assert instance.row(running_job)["state"] == "done"
    assert instance.row(waiting_job)["state"] == "queued"
    assert traces.lines() == ["1"]


def test_one_whose_job_takes_too_long_to_stop_is_killed_and_the_job_is_done_again(
    instance: Instance, tmp_path: Path, traces: Traces
) -> None:
    job_id = instance.ask("heavy_hang_at_first", file=traces.file(), number=3)
    command = ("worker", "-Q", "heavy", "--concurrency", "1")
    with running(tmp_path, instance.variables, *command, "--grace", "0.5") as worker:
        eventually(lambda: bool(traces.lines("traces.begun")))
        assert worker.stop() == 0
    assert instance.row(job_id)["state"] == "running"

    with running(tmp_path, instance.variables, *command):
        eventually(lambda: instance.ended(job_id))

    assert (instance.row(job_id)["state"], traces.lines()) == ("done", ["3"])


def test_a_worker_that_is_started_before_the_migrations_waits_for_them(
    postgres: Postgres, instance: Instance, tmp_path: Path, traces: Traces
) -> None:
    postgres.create_database("unmigrated")
    database = {
        "DATABASE_URL": postgres.url("unmigrated", APPLICATION),
        "DATABASE_ADMIN_URL": postgres.url("unmigrated", OWNER),
    }
    # Its secrets differ, as its home does; its queue is another database of the same Redis.
    changed = {
        **database,
        "NESTEGG_HOME": str(tmp_path),
        "REDIS_URL": f"{instance.redis.url[:-1]}1",
    }
    variables = {**instance.variables, **changed}
    with (
        serving(variables) as serve,
        running(tmp_path, variables, "worker", "-Q", "default", "-c", "1") as worker,
    ):
        eventually(lambda: worker.logged("waits for the migrations"))
        runtime = serve.runtime(plugins={"job_traces": job_traces})
        runtime.storage.upgrade()
        runtime.check_keys()
        runtime.jobs.enqueue("mark", {"file": traces.file(), "number": 4})

        eventually(lambda: traces.lines() == ["4"])


def test_workers_whose_pool_was_killed_end_by_themselves(
    instance: Instance, tmp_path: Path
) -> None:
    with running(tmp_path, instance.variables, "worker", "-Q", "heavy") as pool:
        eventually(lambda: len(pool.workers()) == 2)
        workers = pool.workers()
        pool.process.kill()
        pool.process.wait(timeout=30)

        eventually(lambda: not any(one.is_running() for one in workers))
