"""When scheduled jobs are asked for."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from nestegg_core import JobRegistration, StorageUnavailable
from nestegg_core.jobs.scheduler import LATE, Schedule
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


def job(schedule: str | None, name: str = "fetch") -> JobRegistration:
    return JobRegistration(name, print, schedule=schedule)


def this_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def test_a_tick_that_has_just_passed_is_made_up_for_once_by_any_number_of_schedulers(
    asked: Asked,
) -> None:
    before = this_minute()
    for _ in range(2):
        Schedule([job("* * * * *")], asked).ask()

    assert {name for name, _ in asked.ticks} == {"fetch"}
    # A minute may have begun in between: then there are two, and each was asked for once.
    ticks = [tick for _, tick in asked.ticks]
    assert sorted(set(ticks)) == ticks
    assert before <= ticks[0] <= before + timedelta(minutes=1)


def test_one_that_was_asked_for_is_not_due_again_before_its_next_tick(asked: Asked) -> None:
    schedule = Schedule([job("* * * * *")], asked)
    schedule.ask()
    ticks = len(asked.ticks)
    if this_minute() == asked.ticks[-1][1]:
        schedule.ask()
        assert len(asked.ticks) == ticks
    (planned,) = schedule.planned
    assert planned.tick == asked.ticks[-1][1] + timedelta(minutes=1)


def test_the_log_says_in_plain_words_when_a_job_is_due(asked: Asked) -> None:
    with capture_logs() as logged:
        Schedule([job("* * * * *")], asked).ask()

    assert [one["event"] for one in logged] == ["job is scheduled", "job was asked for"]
    for one in logged:
        assert datetime.fromisoformat(one["next"]).tzinfo is not None


def test_what_passed_longer_ago_is_left_to_the_next_tick(asked: Asked) -> None:
    passed = datetime.now(UTC) - LATE - timedelta(minutes=2)
    schedule = Schedule([job(f"{passed.minute} {passed.hour} * * *")], asked)

    schedule.ask()
    assert asked.ticks == []
    (planned,) = schedule.planned
    assert planned.tick > datetime.now(UTC)


def test_a_tick_that_the_database_did_not_accept_is_asked_for_again(asked: Asked) -> None:
    asked.away = 2
    schedule = Schedule([job("* * * * *")], asked)
    for _ in range(2):
        schedule.ask()
        assert asked.ticks == []
        assert 0 < schedule.pause().total_seconds() <= 60

    schedule.ask()

    assert len(asked.ticks) == 1


def test_jobs_without_a_schedule_and_with_one_that_cannot_be_read_are_left_out(
    asked: Asked,
) -> None:
    jobs = [job(None, "asked"), job("99 * * * *", "broken"), job("30 3 * * *", "good")]

    assert [one.name for one in Schedule(jobs, asked).planned] == ["good"]


def test_retention_is_due_at_half_past_three_in_utc_wherever_the_machine_is() -> None:
    program = (
        "from nestegg_core.contracts.operations import JobRegistration\n"
        "from nestegg_core.jobs.scheduler import Schedule\n"
        "(job,) = Schedule([JobRegistration('r', print, schedule='30 3 * * *')], print)"
        ".planned\n"
        "print(job.tick.isoformat())\n"
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


def test_one_job_that_is_not_accepted_keeps_no_other_waiting() -> None:
    ticks = []

    def refusing(name: str, _tick: datetime) -> str:
        if name == "first":
            raise StorageUnavailable("away")
        ticks.append(name)
        return name

    with capture_logs() as logged:
        Schedule([job("* * * * *", "first"), job("* * * * *", "second")], refusing).ask()

    assert ticks == ["second"]
    assert {"event": "job was not accepted", "job": "first", "error": "away"}.items() <= next(
        one for one in logged if one["log_level"] == "error"
    ).items()


def test_of_the_ticks_that_were_missed_meanwhile_the_last_is_made_up_for(asked: Asked) -> None:
    schedule = Schedule([job("* * * * *")], asked)
    (planned,) = schedule.planned
    planned.tick = before = this_minute() - timedelta(hours=3)

    schedule.ask()

    assert [tick - before > timedelta(hours=2, minutes=59) for _, tick in asked.ticks] == [True]
    assert planned.tick > asked.ticks[0][1]


def test_being_told_to_stop_counts_even_if_what_runs_catches_it() -> None:
    def catching(_name: str, _tick: datetime) -> None:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    Schedule([job("* * * * *")], catching).run()

    assert {number: signal.getsignal(number) for number in before} == before


def test_being_told_to_stop_ends_its_sleep_at_once(asked: Asked) -> None:
    schedule = Schedule([job("30 3 29 2 *")], asked)
    began = time.monotonic()
    telling = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM))
    telling.start()
    schedule.run()
    telling.join()

    assert time.monotonic() - began < 1.5
