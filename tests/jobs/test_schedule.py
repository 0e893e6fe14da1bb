"""When scheduled jobs are asked for."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from nestegg_core import JobRegistration, StorageUnavailable
from nestegg_core.jobs.schedule import LATE, Schedule
from support.redis import RedisServer
from support.serving import Serve


class Asked:
    """Takes ticks as the service does: the second of one is not accepted.

    Attributes:
        ticks: every accepted one.
        away: how many times the database is out of reach before.
    """

    def __init__(self) -> None:
        self.ticks: list[tuple[str, datetime]] = []
        self.away = 0

    def __call__(self, name: str, tick: datetime) -> str | None:
        if self.away:
            self.away -= 1
            raise StorageUnavailable("away")
        if (name, tick) in self.ticks:
            return None
        self.ticks.append((name, tick))
        return f"{name} {tick}"


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What `use_utc` does, for this test."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def job(schedule: str | None, name: str = "fetch") -> JobRegistration:
    return JobRegistration(name, print, schedule=schedule)


def this_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def test_a_tick_that_has_just_passed_is_made_up_for_once_by_any_number_of_schedulers(
    asked: Asked,
) -> None:
    before = this_minute()
    for _ in range(2):
        Schedule([job("* * * * *")], asked, None).enqueue_jobs()

    assert {name for name, _ in asked.ticks} == {"fetch"}
    # A minute may have begun in between: then there are two, and each was asked for once.
    ticks = [tick for _, tick in asked.ticks]
    assert sorted(set(ticks)) == ticks
    assert before <= ticks[0] <= before + timedelta(minutes=1)


def test_one_that_was_asked_for_is_not_due_again_before_its_next_tick(asked: Asked) -> None:
    schedule = Schedule([job("* * * * *")], asked, None)
    schedule.enqueue_jobs()
    ticks = len(asked.ticks)
    if this_minute() == asked.ticks[-1][1]:
        schedule.enqueue_jobs()
        assert len(asked.ticks) == ticks
    (planned,) = schedule.get_jobs()
    assert planned.next_enqueue_time == asked.ticks[-1][1] + timedelta(minutes=1)


def test_the_log_says_in_plain_words_when_a_job_is_due(asked: Asked) -> None:
    with capture_logs() as logged:
        Schedule([job("* * * * *")], asked, None).enqueue_jobs()

    assert [one["event"] for one in logged] == ["job is scheduled", "job was asked for"]
    for one in logged:
        assert datetime.fromisoformat(one["next"]).tzinfo is not None


def test_what_passed_longer_ago_is_left_to_the_next_tick(asked: Asked) -> None:
    passed = datetime.now(UTC) - LATE - timedelta(minutes=2)
    schedule = Schedule([job(f"{passed.minute} {passed.hour} * * *")], asked, None)

    assert schedule.enqueue_jobs() == []
    (planned,) = schedule.get_jobs()
    assert planned.next_enqueue_time is not None
    assert planned.next_enqueue_time > datetime.now(UTC)


def test_a_tick_that_the_database_did_not_accept_is_asked_for_again(asked: Asked) -> None:
    asked.away = 2
    schedule = Schedule([job("* * * * *")], asked, None)
    for _ in range(2):
        assert schedule.enqueue_jobs() == []
        assert 0 < schedule.calculate_sleep_interval() <= 60

    schedule.enqueue_jobs()

    assert len(asked.ticks) == 1


def test_jobs_without_a_schedule_and_with_one_that_cannot_be_read_are_left_out(
    asked: Asked,
) -> None:
    jobs = [job(None, "asked"), job("99 * * * *", "broken"), job("30 3 * * *", "good")]

    assert [one.name for one in Schedule(jobs, asked, None).get_jobs()] == ["good"]


def test_retention_is_due_at_half_past_three_in_utc_wherever_the_machine_is() -> None:
    program = (
        "from nestegg_core.contracts.operations import JobRegistration\n"
        "from nestegg_core.jobs.schedule import Schedule, use_utc\n"
        "use_utc()\n"
        "(job,) = Schedule([JobRegistration('r', print, schedule='30 3 * * *')], print, None)"
        ".get_jobs()\n"
        "print(job.next_enqueue_time.isoformat())\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TZ": "Asia/Kathmandu"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert answer.stdout.strip().endswith("T03:30:00+00:00")


def test_the_core_schedules_retention_and_the_care_of_its_own_rows(serve: Serve) -> None:
    schedules = {one.name: one.schedule for one in serve.runtime().jobs.registered()}

    assert (
        schedules.items()
        >= {
            "forget_jobs": "40 3 * * *",
            "measure_keys": "10 4 * * *",
            "retention": "30 3 * * *",
            "rewrap": None,
        }.items()
    )


def test_a_redis_that_is_away_takes_nothing_from_the_schedule(
    asked: Asked, redis: RedisServer
) -> None:
    with redis.client() as client:
        schedule = Schedule([job("* * * * *")], asked, client)
        schedule.register_birth()
        assert client.exists(schedule.key)
        client.connection_pool.connection_kwargs["port"] = 1  # nobody listens there
        client.connection_pool.disconnect()

        schedule.enqueue_jobs()
        schedule.save()
        schedule.heartbeat()
        schedule.register_death()

    assert asked.ticks


def test_being_told_to_stop_counts_even_if_what_runs_catches_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def catching(_name: str, _tick: datetime) -> None:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)

    def sleep(_seconds: float) -> None:
        pytest.fail("it went on")

    monkeypatch.setattr("rq.cron.time.sleep", sleep)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        Schedule([job("* * * * *")], catching, None).start()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
