"""Without Redis a job runs in the process that asks for it."""

from collections.abc import Mapping
from typing import Any

import pytest

from nestegg_core.application import Runtime
from nestegg_core.jobs.service import BUSY
from nestegg_core.jobs.store import LOST
from nestegg_testing import MovableClock
from support.job_work import SECRET, Work, fail


def test_the_job_has_run_when_the_call_returns(alone: Runtime, work: Work) -> None:
    job_id = alone.jobs.enqueue("work", {"number": 7})

    assert work.runs == [{"number": 7}]
    row = alone.job_list.read(job_id)
    assert (row["state"], row["tries"], row["arguments"]) == ("done", 1, {"number": 7})


def test_one_that_fails_is_kept_with_its_error_and_without_what_the_error_repeats(
    alone: Runtime, work: Work
) -> None:
    work.does = fail

    row = alone.job_list.read(alone.jobs.enqueue("work"))

    assert (row["state"], row["tries"]) == ("failed", 1)
    assert "ZeroDivisionError" in row["error"]
    assert SECRET not in row["error"]


def test_a_failed_one_can_be_done_after_all(alone: Runtime, work: Work) -> None:
    work.does = fail
    job_id = alone.jobs.enqueue("work")
    work.does = lambda _: None

    alone.jobs.retry(job_id)

    row = alone.job_list.read(job_id)
    assert (row["state"], row["error"], len(work.runs)) == ("done", None, 2)


def test_equal_work_that_is_running_is_not_begun_again(alone: Runtime, work: Work) -> None:
    within: list[dict[str, Any]] = []

    def ask_again(_: Mapping[str, Any]) -> None:
        within.append(alone.job_list.read(alone.jobs.enqueue("work")))

    work.does = ask_again
    alone.jobs.enqueue("work")

    assert [(row["state"], row["error"]) for row in within] == [("failed", BUSY)]
    assert len(work.runs) == 1


def test_one_that_a_killed_process_left_behind_does_not_block_the_next(
    alone: Runtime, work: Work, clock: MovableClock
) -> None:
    def die(_: Mapping[str, Any]) -> None:
        clock.move(minutes=1)
        work.does = lambda _: None
        alone.jobs.enqueue("work")

    work.does = die
    alone.jobs.enqueue("work")

    found, _ = alone.job_list.page({"state": None}, limit=10)
    assert [(row["state"], row["error"]) for row in found] == [("done", None), ("failed", LOST)]


def test_whoever_stops_the_process_leaves_a_word(alone: Runtime, work: Work) -> None:
    def stop(_: Mapping[str, Any]) -> None:
        raise KeyboardInterrupt

    work.does = stop
    with pytest.raises(KeyboardInterrupt):
        alone.jobs.enqueue("work")

    ((row,), _) = alone.job_list.page({"state": "failed"}, limit=2)
    assert "KeyboardInterrupt" in row["error"]
