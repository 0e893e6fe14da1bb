"""Nothing is deleted by a clock that others do not agree with."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from nestegg_core import Conflict, NestEggError
from nestegg_core.application import Runtime, start
from nestegg_core.retention.engine import ClockCheck, Retention
from nestegg_core.settings import Environment

NOW = datetime(2026, 6, 1, 3, 30, tzinfo=UTC)
DAY = timedelta(days=1)

Run = Callable[..., None]


@pytest.fixture
def at(fresh_runtime: Runtime) -> Run:
    """Runs the check at a moment, with the database's clock beside it."""
    fresh_runtime.storage.upgrade()

    def run(now: datetime, database: datetime | None = None, *, accept: bool = False) -> None:
        ClockCheck(fresh_runtime.storage, lambda: now, lambda: database)(accept=accept)

    return run


def test_a_run_each_day_is_believed(at: Run) -> None:
    for number in range(5):
        at(NOW + number * DAY, NOW + number * DAY + timedelta(minutes=3))


@pytest.mark.parametrize("ahead", [400 * DAY, -400 * DAY, 2 * DAY, -2 * DAY])
def test_a_clock_that_differs_from_the_databases_is_refused_unless_accepted(
    at: Run, ahead: timedelta
) -> None:
    with pytest.raises(Conflict, match="--accept-clock"):
        at(NOW + ahead, NOW)
    at(NOW + ahead, NOW, accept=True)


@pytest.mark.parametrize("jump", [400 * DAY, 3 * DAY, -2 * DAY])
def test_a_jump_since_the_last_run_is_refused_until_it_was_accepted_once(
    at: Run, jump: timedelta
) -> None:
    at(NOW)
    for _ in range(2):  # a refused run is no opinion for the next one
        with pytest.raises(Conflict, match="last run was on 2026-06-01"):
            at(NOW + jump)
    at(NOW + jump, accept=True)
    at(NOW + jump + DAY)


def test_the_daily_job_refuses_and_says_so(
    fresh_variables: dict[str, str],
) -> None:
    variables = {**fresh_variables, "DATA_RETENTION_DRY_RUN": "false", "JOB_MAX_TRIES": "1"}
    moments = {"now": datetime.now(UTC)}
    made = start(Environment.read(variables, dotenv=None), lambda: moments["now"])
    made.storage.upgrade()
    made.check_keys()
    first = made.jobs.enqueue("retention")
    moments["now"] += 400 * DAY

    second = made.jobs.enqueue("retention")

    assert made.job_list.read(first)["state"] == "done"
    refused = made.job_list.read(second)
    assert refused["state"] == "failed"
    assert "--accept-clock" in refused["error"]
    made.storage.dispose()


def test_a_dry_run_needs_no_clock(fresh_runtime: Runtime) -> None:
    fresh_runtime.storage.upgrade()

    def never(*, accept: bool) -> None:
        raise NestEggError(f"asked, {accept}")

    made = Retention(
        storage=fresh_runtime.storage,
        policies={},
        cleaning=fresh_runtime.retention.cleaning,
        clock=lambda: NOW,
        check_clock=never,
    )
    made.run(live=False, started_by="test")
    with pytest.raises(NestEggError):
        made.run(live=True, started_by="test")
