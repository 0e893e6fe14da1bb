"""What is lost is found: jobs of lost workers, and messages that Redis has lost."""

from collections.abc import Mapping
from typing import Any

import pytest

from nestegg_core.jobs import service
from nestegg_core.jobs.store import LOST
from nestegg_testing import MovableClock
from support.job_work import Instance, Work


def test_the_job_of_a_lost_worker_is_put_back_and_sent_at_once(
    instance: Instance, work: Work, clock: MovableClock
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
    instance: Instance, work: Work, clock: MovableClock
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
    instance: Instance, clock: MovableClock
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
    instance: Instance, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BATCH", 2)
    accepted = [instance.ask(number=number) for number in range(5)]
    instance.redis.flushall()
    clock.move(minutes=1)

    instance.runtime.jobs.sweep()

    assert sorted(instance.messages()) == sorted(accepted)


def test_what_still_waits_is_not_sent_again_however_long_it_waits(
    instance: Instance, clock: MovableClock
) -> None:
    accepted = [instance.ask(number=number) for number in range(3)]
    clock.move(hours=5)
    accepted.append(instance.ask(number=3))

    instance.runtime.jobs.sweep()

    assert instance.messages() == accepted


def test_a_message_that_was_taken_by_a_worker_that_died_is_missed(
    instance: Instance, clock: MovableClock
) -> None:
    taken = instance.ask(number=1)
    instance.redis.lpop("rq:queue:default")
    clock.move(minutes=1)
    waiting = instance.ask(number=2)

    instance.runtime.jobs.sweep()

    assert instance.messages() == [waiting, taken]
