"""Asking for jobs: what is accepted, and what travels through Redis."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from nestegg_core import InvalidInput
from nestegg_core.application import Runtime
from nestegg_core.database.tables import jobs
from nestegg_testing import MovableClock
from support.job_work import SECRET, Instance, Work
from support.redis import running_redis
from support.serving import Serve


def test_a_job_that_there_is_not_is_refused_with_those_that_there_are(alone: Runtime) -> None:
    with pytest.raises(InvalidInput, match=r"retention.*work"):
        alone.jobs.enqueue(SECRET)

    assert alone.job_list.page({}, limit=1) == ([], None)


def test_arguments_are_sealed_in_the_database_and_absent_from_redis(instance: Instance) -> None:
    job_id = instance.ask(email=SECRET)

    with instance.runtime.storage.system_transaction(write=False) as tx:
        stored = tx.execute(select(jobs).where(jobs.c.id == job_id)).one()
    messages = [instance.redis.dump(key) or b"" for key in instance.redis.scan_iter()]
    assert instance.row(job_id)["arguments"] == {"email": SECRET}
    assert SECRET not in repr(stored)
    assert messages
    assert not any(SECRET.encode() in dump for dump in messages)


def test_nothing_runs_until_a_worker_gets_the_message(instance: Instance, work: Work) -> None:
    job_id = instance.ask(number=1)
    assert (instance.row(job_id)["state"], work.runs) == ("queued", [])

    assert instance.deliver_all() == [job_id]

    assert (instance.row(job_id)["state"], work.runs) == ("done", [{"number": 1}])


def test_each_job_goes_to_its_queue(instance: Instance) -> None:
    job_id = instance.ask("hard")

    assert (instance.messages("default"), instance.messages("heavy")) == ([], [job_id])


def test_a_tick_is_accepted_once(instance: Instance, clock: MovableClock) -> None:
    first = instance.runtime.jobs.enqueue_tick("work", clock())
    second = instance.runtime.jobs.enqueue_tick("work", clock())

    assert (first, second) == ("work-20260301T1200Z", None)
    assert instance.messages() == [first]


def test_two_ticks_within_one_hour_are_two_jobs(instance: Instance, clock: MovableClock) -> None:
    first = instance.runtime.jobs.enqueue_tick("work", clock())
    second = instance.runtime.jobs.enqueue_tick("work", clock() + timedelta(minutes=1))

    assert (first, second) == ("work-20260301T1200Z", "work-20260301T1201Z")


def test_redis_being_down_keeps_nobody_and_loses_nothing(
    serve: Serve, work: Work, clock: MovableClock
) -> None:
    with running_redis() as server, server.client() as client:
        made = serve.runtime(clock=clock, plugins={"work": work.plugin()}, REDIS_URL=server.url)
        instance = Instance(made, client)
        server.stop()
        accepted = [instance.ask(number=number) for number in range(3)]
        server.start()
        clock.move(minutes=1)
        made.jobs.sweep()

        assert sorted(instance.deliver_all()) == sorted(accepted)
    assert {instance.row(job_id)["state"] for job_id in accepted} == {"done"}


def test_readiness_tells_of_redis_and_does_without_it(serve: Serve) -> None:
    with running_redis() as server:
        client = serve(REDIS_URL=server.url)
        before = client.simulate_get("/readyz")
        server.stop()
        after = client.simulate_get("/readyz")

    assert (before.status_code, before.json["checks"]["queue"]) == (200, "ok")
    assert (after.status_code, after.json["status"]) == (200, "ready")
    assert after.json["checks"]["queue"] == "Redis does not answer (ConnectionError): jobs wait"


def test_without_redis_there_is_nothing_to_check(serve: Serve) -> None:
    assert "queue" not in serve().simulate_get("/readyz").json["checks"]
