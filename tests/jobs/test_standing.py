"""How the jobs stand is read from the database, whoever is dead, and cheaply."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from nestegg_core.application import Runtime
from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.database.tables import jobs, key_fingerprints
from nestegg_core.jobs import standing
from nestegg_core.jobs.standing import Standing, overdue

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
BORN = NOW - timedelta(hours=1)
NIGHTLY = JobRegistration("retention", lambda _: None, schedule="30 3 * * *")
ASKED = JobRegistration("rewrap", lambda _: None)


class Taken:
    def __init__(self) -> None:
        self.gauges: dict[tuple[str, str], float] = {}

    def gauge(self, name: str, labels: Mapping[str, str], value: float) -> None:
        self.gauges[name, next(iter(labels.values()), "")] = value

    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        raise AssertionError(name, labels, amount)

    def observe(self, name: str, labels: Mapping[str, str], value: float) -> None:
        raise AssertionError(name, labels, value)


@pytest.fixture
def migrated(fresh_runtime: Runtime) -> Runtime:
    fresh_runtime.storage.upgrade()
    fresh_runtime.check_keys()
    with fresh_runtime.storage.system_transaction(write=True) as tx:
        tx.execute(update(key_fingerprints).values(first_used_at=BORN))
    return fresh_runtime


def put(runtime: Runtime, job_id: str, **columns: object) -> None:
    row = {
        "id": job_id,
        "name": "retention",
        "queue": "default",
        "asked_by": "schedule",
        "arguments": None,
        "work_key": job_id.encode().ljust(32),
        "state": "queued",
        "tries": 0,
        "due_at": NOW,
        "created_at": NOW,
    }
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(insert(jobs), {**row, **columns})


def told(runtime: Runtime, now: datetime = NOW) -> dict[tuple[str, str], float]:
    taken = Taken()
    Standing(runtime.storage, [NIGHTLY, ASKED], taken, lambda: now).measure()
    return taken.gauges


def test_a_fresh_installation_owes_nothing_until_its_first_night(migrated: Runtime) -> None:
    first = told(migrated)

    assert first["job_overdue_seconds", "retention"] == 0
    assert ("job_overdue_seconds", "rewrap") not in first
    assert first["jobs_waiting", "default"] == first["jobs_oldest_wait_seconds", "heavy"] == 0
    assert first["jobs_read_timestamp_seconds", ""] == NOW.timestamp()
    next_day = datetime(2026, 3, 11, 5, 30, tzinfo=UTC)
    assert told(migrated, next_day)["job_overdue_seconds", "retention"] == 2 * 3600


def test_what_waits_and_what_was_done_is_told(migrated: Runtime) -> None:
    put(migrated, "old", due_at=NOW - timedelta(minutes=20))
    put(migrated, "new", due_at=NOW - timedelta(minutes=1))
    put(migrated, "later", queue="heavy", due_at=NOW + timedelta(hours=1))
    done = NOW - timedelta(hours=8)
    put(migrated, "done", state="done", finished_at=done)

    found = told(migrated)

    assert found["jobs_waiting", "default"] == 2
    assert found["jobs_oldest_wait_seconds", "default"] == 20 * 60
    assert found["jobs_oldest_wait_seconds", "heavy"] == 0
    assert found["job_last_done_timestamp_seconds", "retention"] == done.timestamp()
    assert found["job_overdue_seconds", "retention"] == 0


def test_a_failed_run_does_not_count_as_done(migrated: Runtime) -> None:
    put(migrated, "failed", state="failed", finished_at=NOW + timedelta(hours=16))
    next_day = datetime(2026, 3, 11, 4, 30, tzinfo=UTC)

    assert told(migrated, next_day)["job_overdue_seconds", "retention"] == 3600


def test_a_job_that_is_due_rarely_is_not_late_because_its_last_run_was_forgotten(
    migrated: Runtime,
) -> None:
    monthly = JobRegistration("monthly", lambda _: None, schedule="0 0 1 * *")
    taken, months_later = Taken(), datetime(2026, 8, 20, tzinfo=UTC)

    Standing(migrated.storage, [monthly], taken, lambda: months_later).measure()

    assert taken.gauges["job_overdue_seconds", "monthly"] == 0


def test_scrapes_in_a_row_read_once(migrated: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    def looked() -> float:
        taken = Taken()
        moments = iter([NOW, NOW + timedelta(seconds=1)])
        seldom = Standing(migrated.storage, [], taken, lambda: next(moments))
        seldom.measure()
        seldom.measure()
        return taken.gauges["jobs_read_timestamp_seconds", ""] - NOW.timestamp()

    assert looked() == 0
    monkeypatch.setattr(standing, "SECONDS", 0.0)
    assert looked() == 1


def test_a_database_without_tables_hides_no_other_metric(fresh_runtime: Runtime) -> None:
    assert told(fresh_runtime) == {}


def test_a_job_is_overdue_from_its_next_moment_on() -> None:
    assert overdue("30 3 * * *", NOW, NOW + timedelta(hours=15)) == 0
    assert overdue("30 3 * * *", NOW, NOW + timedelta(hours=16, minutes=30)) == 3600
