"""The faults of `make faults`, each for a moment: nothing confirmed is lost, nothing is doubled."""

from collections.abc import Callable

import pytest

from benchmarks.faults import commands, database, processes, queue
from benchmarks.faults.report import Report

pytestmark = pytest.mark.long

SECONDS = 2.0


@pytest.mark.parametrize(
    "fault",
    [
        database.stopped,
        database.killed,
        database.frozen,
        database.slowed,
        database.at_max_connections,
        database.pools_too_small,
        processes.workers_killed,
        queue.stopped,
        queue.full,
    ],
    ids=lambda fault: f"{fault.__module__.rpartition('.')[2]}-{fault.__name__}",
)
def test_nothing_is_lost_doubled_or_half_done(fault: Callable[[float], Report]) -> None:
    report = fault(SECONDS)

    assert report.asked > 0
    assert report.clean, report


def test_a_rolling_restart_under_load_fails_no_request() -> None:
    report = processes.rolled(SECONDS)

    assert (report.clean, report.failed) == (True, 0), report


def test_several_migrators_at_once_end_with_one_schema() -> None:
    report = commands.migrators_at_once()

    assert (report.clean, report.failed) == (True, 0), report


def test_a_backup_without_room_is_refused_and_leaves_nothing() -> None:
    report = commands.disk_full_during_backup()

    assert (report.clean, report.failed) == (True, 1), report
