"""Jobs that are asked for, delivered, retried, lost and found; the test is the worker."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select

from nestegg_core import InvalidInput, JobRegistration, NotFound, hookimpl
from nestegg_core.database.tables import jobs
from nestegg_core.errors import Conflict
from nestegg_core.jobs import service
from nestegg_core.jobs.lost import LOST
from nestegg_core.jobs.service import BUSY
from nestegg_core.runtime import Runtime
from nestegg_core.testing import MovableClock
from support.redis import RedisServer, running_redis
from support.serving import Serve

SECRET = "ada@example.org"


@dataclass
class Work:
    """A plugin with one job, `work`, that does what a test says.

    Attributes:
        does: called with the arguments in every run.
        runs: the arguments of every run.
    """

    does: Callable[[Mapping[str, Any]], None] = lambda _: None
    runs: list[Mapping[str, Any]] = field(default_factory=list)

    def plugin(self) -> ModuleType:
        def work(arguments: Mapping[str, Any]) -> None:
            self.runs.append(arguments)
            self.does(arguments)

        @hookimpl
        def nestegg_jobs() -> list[JobRegistration]:
            return [JobRegistration("work", work), JobRegistration("hard", work, queue="heavy")]

        module = ModuleType("work")
        module.nestegg_jobs = nestegg_jobs  # type: ignore[attr-defined]  # a hook, as in a file
        return module


@dataclass
class Instance:
    """One instance with a queue, whose worker is the test."""

    runtime: Runtime
    redis: Redis

    def ask(self, name: str = "work", **arguments: Any) -> str:
        return self.runtime.jobs.enqueue(name, arguments)

    def row(self, job_id: str) -> dict[str, Any]:
        return self.runtime.job_list.read(job_id)

    def messages(self, queue: str = "default") -> list[str]:
        return [found.decode() for found in self.redis.lrange(f"rq:queue:{queue}", 0, -1)]

    def deliver_all(self, queue: str = "default") -> list[str]:
        delivered = []
        while found := self.redis.lpop(f"rq:queue:{queue}"):
            delivered.append(found.decode())
            self.runtime.jobs.deliver(delivered[-1])
        return delivered


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def alone(serve: Serve, work: Work, clock: MovableClock) -> Runtime:
    """A runtime without Redis."""
    return serve.runtime(clock=clock, plugins={"work": work.plugin()})


@pytest.fixture
def instance(serve: Serve, work: Work, clock: MovableClock, redis: RedisServer) -> Any:
    """A runtime with Redis."""
    made = serve.runtime(clock=clock, plugins={"work": work.plugin()}, REDIS_URL=redis.url)
    with redis.client() as client:
        yield Instance(made, client)


def fail(_arguments: Mapping[str, Any]) -> None:
    raise ZeroDivisionError(SECRET)


class TestWithoutRedis:
    def test_the_job_has_run_when_the_call_returns(self, alone: Runtime, work: Work) -> None:
        job_id = alone.jobs.enqueue("work", {"number": 7})

        assert work.runs == [{"number": 7}]
        row = alone.job_list.read(job_id)
        assert (row["state"], row["tries"], row["arguments"]) == ("done", 1, {"number": 7})

    def test_one_that_fails_is_kept_with_its_error_and_without_what_the_error_repeats(
        self, alone: Runtime, work: Work
    ) -> None:
        work.does = fail

        row = alone.job_list.read(alone.jobs.enqueue("work"))

        assert (row["state"], row["tries"]) == ("failed", 1)
        assert "ZeroDivisionError" in row["error"]
        assert SECRET not in row["error"]

    def test_a_failed_one_can_be_done_after_all(self, alone: Runtime, work: Work) -> None:
        work.does = fail
        job_id = alone.jobs.enqueue("work")
        work.does = lambda _: None

        alone.jobs.retry(job_id)

        row = alone.job_list.read(job_id)
        assert (row["state"], row["error"], len(work.runs)) == ("done", None, 2)

    def test_equal_work_that_is_running_is_not_begun_again(
        self, alone: Runtime, work: Work
    ) -> None:
        within: list[dict[str, Any]] = []

        def ask_again(_: Mapping[str, Any]) -> None:
            within.append(alone.job_list.read(alone.jobs.enqueue("work")))

        work.does = ask_again
        alone.jobs.enqueue("work")

        assert [(row["state"], row["error"]) for row in within] == [("failed", BUSY)]
        assert len(work.runs) == 1

    def test_one_that_a_killed_process_left_behind_does_not_block_the_next(
        self, alone: Runtime, work: Work, clock: MovableClock
    ) -> None:
        def die(_: Mapping[str, Any]) -> None:
            clock.move(minutes=1)
            work.does = lambda _: None
            alone.jobs.enqueue("work")

        work.does = die
        alone.jobs.enqueue("work")

        found, _ = alone.job_list.page({"state": None}, limit=10)
        assert [(row["state"], row["error"]) for row in found] == [("done", None), ("failed", LOST)]

    def test_whoever_stops_the_process_leaves_a_word(self, alone: Runtime, work: Work) -> None:
        def stop(_: Mapping[str, Any]) -> None:
            raise KeyboardInterrupt

        work.does = stop
        with pytest.raises(KeyboardInterrupt):
            alone.jobs.enqueue("work")

        ((row,), _) = alone.job_list.page({"state": "failed"}, limit=2)
        assert "KeyboardInterrupt" in row["error"]


class TestAsking:
    def test_a_job_that_there_is_not_is_refused_with_those_that_there_are(
        self, alone: Runtime
    ) -> None:
        with pytest.raises(InvalidInput, match=r"retention.*work"):
            alone.jobs.enqueue(SECRET)

        assert alone.job_list.page({}, limit=1) == ([], None)

    def test_arguments_are_sealed_in_the_database_and_absent_from_redis(
        self, instance: Instance
    ) -> None:
        job_id = instance.ask(email=SECRET)

        with instance.runtime.storage.system_transaction(write=False) as tx:
            stored = tx.execute(select(jobs).where(jobs.c.id == job_id)).one()
        messages = [instance.redis.dump(key) for key in instance.redis.scan_iter()]
        assert instance.row(job_id)["arguments"] == {"email": SECRET}
        assert SECRET not in repr(stored)
        assert messages
        assert not any(SECRET.encode() in dump for dump in messages)

    def test_nothing_runs_until_a_worker_gets_the_message(
        self, instance: Instance, work: Work
    ) -> None:
        job_id = instance.ask(number=1)
        assert (instance.row(job_id)["state"], work.runs) == ("queued", [])

        assert instance.deliver_all() == [job_id]

        assert (instance.row(job_id)["state"], work.runs) == ("done", [{"number": 1}])

    def test_each_job_goes_to_its_queue(self, instance: Instance) -> None:
        job_id = instance.ask("hard")

        assert (instance.messages("default"), instance.messages("heavy")) == ([], [job_id])

    def test_a_tick_is_accepted_once(self, instance: Instance, clock: MovableClock) -> None:
        first = instance.runtime.jobs.enqueue_tick("work", clock())
        second = instance.runtime.jobs.enqueue_tick("work", clock())

        assert (first, second) == ("work-20260301T1200Z", None)
        assert instance.messages() == [first]

    def test_redis_being_down_keeps_nobody_and_loses_nothing(
        self, serve: Serve, work: Work, clock: MovableClock
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


class TestTrying:
    def test_waits_grow_until_the_last_try_after_which_the_error_is_kept(
        self, instance: Instance, work: Work, clock: MovableClock
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

    def test_one_that_waits_for_its_next_try_is_not_begun_before(
        self, instance: Instance, work: Work
    ) -> None:
        work.does = fail
        job_id = instance.ask()
        instance.deliver_all()

        instance.runtime.jobs.deliver(job_id)  # as when its message came twice

        assert len(work.runs) == 1

    def test_a_failed_one_gets_all_its_tries_again(
        self, serve: Serve, work: Work, clock: MovableClock, redis: RedisServer
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

    def test_one_that_there_is_not_cannot_be_tried(self, instance: Instance) -> None:
        for call in (instance.runtime.jobs.retry, instance.row):
            with pytest.raises(NotFound):
                call("nonsense")

    def test_one_whose_plugin_is_missing_here_is_tried_later(
        self, instance: Instance, serve: Serve, clock: MovableClock, redis: RedisServer, work: Work
    ) -> None:
        job_id = instance.ask()
        serve.runtime(clock=clock, REDIS_URL=redis.url).jobs.deliver(job_id)

        row = instance.row(job_id)
        assert (row["state"], row["tries"], work.runs) == ("queued", 1, [])
        assert "No plugin" in row["error"]


class TestTwice:
    def test_a_message_that_comes_twice_runs_the_job_once(
        self, instance: Instance, work: Work
    ) -> None:
        job_id = instance.ask()

        for _ in range(2):
            instance.runtime.jobs.deliver(job_id)

        assert len(work.runs) == 1

    def test_of_many_workers_that_get_one_message_one_runs_the_job(
        self, instance: Instance, work: Work
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
        self, instance: Instance, work: Work, clock: MovableClock
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


class TestLostAndFound:
    def test_the_job_of_a_lost_worker_is_put_back_and_sent_at_once(
        self, instance: Instance, work: Work, clock: MovableClock
    ) -> None:
        job_id = instance.ask()
        sent = []

        def swept_meanwhile(_: Mapping[str, Any]) -> None:
            for _step in range(2):
                instance.redis.flushall()
                instance.runtime.jobs.sweep()
                sent.append(instance.messages())
                clock.move(minutes=1)

        work.does = swept_meanwhile
        instance.runtime.jobs.deliver(job_id)

        assert sent == [[], [job_id]]
        # What the worker says that was only cut off, and comes back, does not count any more.
        row = instance.row(job_id)
        assert (row["state"], row["error"]) == ("queued", LOST)

    def test_after_its_last_try_it_is_kept_as_failed(
        self, instance: Instance, work: Work, clock: MovableClock
    ) -> None:
        def lost(_: Mapping[str, Any]) -> None:
            clock.move(minutes=1)
            instance.runtime.jobs.sweep()

        work.does = lost
        job_id = instance.ask()
        assert instance.deliver_all() == [job_id] * 5

        row = instance.row(job_id)
        assert (row["state"], row["tries"], row["error"]) == ("failed", 5, LOST)

    def test_what_redis_has_lost_is_sent_again_and_only_then(
        self, instance: Instance, clock: MovableClock
    ) -> None:
        accepted = [instance.ask(number=number) for number in range(3)]
        instance.redis.flushall()
        clock.move(seconds=29)
        instance.runtime.jobs.sweep()
        assert instance.messages() == []

        clock.move(seconds=2)
        instance.runtime.jobs.sweep()

        assert sorted(instance.messages()) == sorted(accepted)

    def test_more_than_one_batch_is_sent_again(
        self, instance: Instance, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(service, "BATCH", 2)
        accepted = [instance.ask(number=number) for number in range(5)]
        instance.redis.flushall()
        clock.move(minutes=1)

        instance.runtime.jobs.sweep()

        assert sorted(instance.messages()) == sorted(accepted)

    def test_what_still_waits_is_not_sent_again_however_long_it_waits(
        self, instance: Instance, clock: MovableClock
    ) -> None:
        accepted = [instance.ask(number=number) for number in range(3)]
        clock.move(hours=5)
        accepted.append(instance.ask(number=3))

        instance.runtime.jobs.sweep()

        assert instance.messages() == accepted

    def test_a_message_that_was_taken_by_a_worker_that_died_is_missed(
        self, instance: Instance, clock: MovableClock
    ) -> None:
        taken = instance.ask(number=1)
        instance.redis.lpop("rq:queue:default")
        clock.move(minutes=1)
        waiting = instance.ask(number=2)

        instance.runtime.jobs.sweep()

        assert instance.messages() == [waiting, taken]


class TestForgetting:
    def test_what_ended_long_ago_goes_and_nothing_else(
        self, alone: Runtime, work: Work, clock: MovableClock
    ) -> None:
        alone.jobs.enqueue("work", {"number": 1})
        work.does = fail
        failed = alone.jobs.enqueue("work", {"number": 2})
        clock.move(days=15)
        work.does = lambda _: None
        new = alone.jobs.enqueue("work", {"number": 3})

        forgetting = alone.jobs.enqueue("forget_jobs")

        found, _ = alone.job_list.page({}, limit=10)
        assert {row["id"] for row in found} == {failed, new, forgetting}


class TestListing:
    def test_pages_are_newest_first_and_end(self, alone: Runtime, clock: MovableClock) -> None:
        asked = []
        for number in range(5):
            asked.append(alone.jobs.enqueue("work", {"number": number}))
            clock.move(seconds=number % 2)  # some at the same moment

        seen: list[str] = []
        after: tuple[Any, ...] | None = None
        while True:
            found, after = alone.job_list.page({"name": "work"}, limit=2, after=after)
            seen += [row["id"] for row in found]
            if after is None:
                break

        assert seen == asked[::-1]

    def test_states_and_names_narrow_it(self, alone: Runtime, work: Work) -> None:
        done = alone.jobs.enqueue("work")
        work.does = fail
        failed = alone.jobs.enqueue("hard")

        def ids(**filters: str) -> list[str]:
            return [row["id"] for row in alone.job_list.page(filters, limit=9)[0]]

        assert ids(state="done") == ids(name="work") == [done]
        assert ids(state="failed") == ids(name="hard", state="failed") == [failed]
        assert ids(name="work", state="failed") == []
