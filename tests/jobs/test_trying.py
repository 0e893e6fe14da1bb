"""Jobs that fail are tried again; messages that come twice run nothing twice."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from nestegg_core import NotFound
from nestegg_core.database.tables import jobs
from nestegg_core.errors import Conflict
from nestegg_testing import MovableClock
from support.job_work import Instance, Work, fail
from support.redis import RedisServer
from support.serving import Serve


def test_waits_grow_until_the_last_try_after_which_the_error_is_kept(
    instance: Instance, work: Work, clock: MovableClock
) -> None:
    work.does = fail
    job_id = instance.ask()
    instance.deliver_all()
    waits = []
    while (row := instance.row(job_id))["state"] == "queued":
        waits.append(row["due_at"] - clock())
        clock.move(seconds=waits[-1].total_seconds() - 1)
        instance.runtime.jobs.sweep()
        assert instance.deliver_all() == []
        clock.move(seconds=1)
        instance.runtime.jobs.sweep()
        assert instance.deliver_all() == [job_id]

    assert waits == [timedelta(seconds=seconds) for seconds in (15, 60, 240, 960)]
    assert (row["state"], row["tries"], len(work.runs)) == ("failed", 5, 5)
    assert "ZeroDivisionError" in row["error"]


def test_one_that_needs_a_damaged_value_is_not_tried_again(instance: Instance, work: Work) -> None:
    job_id = instance.ask()
    with instance.runtime.storage.system_transaction(write=True) as tx:
        tx.execute(update(jobs).values(arguments="ne1:fernet:v1:gAAAAABrDrwOmoved"))

    instance.deliver_all()

    row = instance.row(job_id)
    assert (row["state"], row["tries"], work.runs) == ("failed", 1, [])
    assert "jobs.arguments" in row["error"]


def test_one_that_waits_for_its_next_try_is_not_begun_before(
    instance: Instance, work: Work
) -> None:
    work.does = fail
    job_id = instance.ask()
    instance.deliver_all()

    instance.runtime.jobs.deliver(job_id)  # as when its message came twice

    assert len(work.runs) == 1


def test_a_failed_one_gets_all_its_tries_again(
    serve: Serve, work: Work, clock: MovableClock, redis: RedisServer
) -> None:
    work.does = fail
    settings = {"REDIS_URL": redis.url, "JOB_MAX_TRIES": "1"}
    made = serve.runtime(clock=clock, plugins={"work": work.plugin()}, **settings)
    with redis.client() as client:
        instance = Instance(made, client)
        job_id = instance.ask()
        with pytest.raises(Conflict):
            made.jobs.retry(job_id)  # it has not failed yet
        instance.deliver_all()
        assert instance.row(job_id)["state"] == "failed"
        work.does = lambda _: None

        made.jobs.retry(job_id)
        instance.deliver_all()

    assert (instance.row(job_id)["state"], instance.row(job_id)["tries"]) == ("done", 1)


def test_one_that_there_is_not_cannot_be_tried(instance: Instance) -> None:
    for call in (instance.runtime.jobs.retry, instance.row):
        with pytest.raises(NotFound):
            call("nonsense")


def test_one_whose_plugin_is_missing_here_is_tried_later(
    instance: Instance, serve: Serve, clock: MovableClock, redis: RedisServer, work: Work
) -> None:
    job_id = instance.ask()
    serve.runtime(clock=clock, REDIS_URL=redis.url).jobs.deliver(job_id)

    row = instance.row(job_id)
    assert (row["state"], row["tries"], work.runs) == ("queued", 1, [])
    assert "No plugin" in row["error"]


def test_a_message_that_comes_twice_runs_the_job_once(instance: Instance, work: Work) -> None:
    job_id = instance.ask()

    for _ in range(2):
        instance.runtime.jobs.deliver(job_id)

    assert len(work.runs) == 1


def test_of_many_workers_that_get_one_message_one_runs_the_job(
    instance: Instance, work: Work
) -> None:
    job_id = instance.ask()
    together = threading.Barrier(6)

    def deliver() -> None:
        together.wait(timeout=30)
        instance.runtime.jobs.deliver(job_id)

    threads = [threading.Thread(target=deliver) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert (len(work.runs), instance.row(job_id)["tries"]) == (1, 1)


def test_equal_work_waits_until_the_first_is_done_and_other_work_does_not(
    instance: Instance, work: Work, clock: MovableClock
) -> None:
    first, second, other = instance.ask(a=1, b=2), instance.ask(b=2, a=1), instance.ask(a=2)
    states = {}

    def meanwhile(_: Mapping[str, Any]) -> None:
        work.does = lambda _: None
        instance.runtime.jobs.deliver(second)
        instance.runtime.jobs.deliver(other)
        states.update({job_id: instance.row(job_id)["state"] for job_id in (second, other)})

    work.does = meanwhile
    instance.runtime.jobs.deliver(first)
    assert states == {second: "queued", other: "done"}
    instance.redis.flushall()
    clock.move(minutes=1)
    instance.runtime.jobs.sweep()

    assert instance.deliver_all() == [second]
    assert (instance.row(second)["state"], instance.row(second)["tries"]) == ("done", 1)
