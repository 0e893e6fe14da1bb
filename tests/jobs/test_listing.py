"""What operators see of jobs, and for how long."""

from typing import Any

from nestegg_core.application import Runtime
from nestegg_testing import MovableClock
from support.job_work import Work, fail


def test_what_ended_long_ago_goes_and_nothing_else(
    alone: Runtime, work: Work, clock: MovableClock
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


def test_pages_are_newest_first_and_end(alone: Runtime, clock: MovableClock) -> None:
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


def test_states_and_names_narrow_it(alone: Runtime, work: Work) -> None:
    done = alone.jobs.enqueue("work")
    work.does = fail
    failed = alone.jobs.enqueue("hard")

    def ids(**filters: str) -> list[str]:
        return [row["id"] for row in alone.job_list.page(filters, limit=9)[0]]

    assert ids(state="done") == ids(name="work") == [done]
    assert ids(state="failed") == ids(name="hard", state="failed") == [failed]
    assert ids(name="work", state="failed") == []
