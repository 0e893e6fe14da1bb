"""Old backups go by rules; the newest verified one never does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nestegg_core.backups.service import RotationPolicy, expired
from nestegg_core.backups.store import BackupFile

NEWEST = datetime(2026, 3, 31, 2, 0, tzinfo=UTC)


def a_backup(moment: datetime, *, verified: bool = False) -> BackupFile:
    path = Path(f"nestegg-{moment:%Y%m%dT%H%M%SZ}.backup")
    return BackupFile(path, moment, 1, moment if verified else None)


TWICE_DAILY = [a_backup(NEWEST - timedelta(hours=12 * n)) for n in range(200)]


def stay(found: list[BackupFile], keep: RotationPolicy) -> list[datetime]:
    gone = {one.path for one in expired(found, keep)}
    return [one.created_at for one in found if one.path not in gone]


def test_without_a_rule_everything_stays() -> None:
    assert expired(TWICE_DAILY, RotationPolicy()) == []


def test_the_last_stay() -> None:
    assert stay(TWICE_DAILY, RotationPolicy(last=3)) == [one.created_at for one in TWICE_DAILY[:3]]


def test_the_newest_of_each_day_stays() -> None:
    assert stay(TWICE_DAILY, RotationPolicy(daily=3)) == [
        datetime(2026, 3, 31, 2, tzinfo=UTC),
        datetime(2026, 3, 30, 14, tzinfo=UTC),
        datetime(2026, 3, 29, 14, tzinfo=UTC),
    ]


def test_the_newest_of_each_week_stays() -> None:
    # 31 March 2026 is a Tuesday.
    assert [f"{one:%a %d %b}" for one in stay(TWICE_DAILY, RotationPolicy(weekly=3))] == [
        "Tue 31 Mar",
        "Sun 29 Mar",
        "Sun 22 Mar",
    ]


def test_the_newest_of_each_month_stays() -> None:
    kept = stay(TWICE_DAILY, RotationPolicy(monthly=10))
    assert [f"{one:%d %b}" for one in kept] == ["31 Mar", "28 Feb", "31 Jan", "31 Dec"]


def test_rules_add_up() -> None:
    rules = (RotationPolicy(last=2), RotationPolicy(daily=2), RotationPolicy(monthly=2))
    apart = {moment for keep in rules for moment in stay(TWICE_DAILY, keep)}
    assert set(stay(TWICE_DAILY, RotationPolicy(last=2, daily=2, monthly=2))) == apart


def test_days_without_a_backup_do_not_count() -> None:
    found = [a_backup(NEWEST - timedelta(days=30 * n)) for n in range(5)]
    assert len(stay(found, RotationPolicy(daily=4))) == 4


@pytest.mark.parametrize("at", [0, 1, 100, 199])
def test_the_newest_verified_one_stays_whatever_the_rules_say(at: int) -> None:
    found = [a_backup(one.created_at, verified=n >= at) for n, one in enumerate(TWICE_DAILY)]
    assert found[at].created_at in stay(found, RotationPolicy(last=1))
    assert len(stay(found, RotationPolicy(last=1))) == (1 if at == 0 else 2)


def test_unverified_ones_have_a_number_of_their_own() -> None:
    found = [a_backup(one.created_at, verified=n % 4 == 3) for n, one in enumerate(TWICE_DAILY)]
    kept = {one.path for one in found} - {
        one.path for one in expired(found, RotationPolicy(last=5, unverified=2))
    }
    assert [one.verified_at is not None for one in found if one.path in kept] == [
        *[False, False],
        *[True] * 5,
    ]


def test_failing_proofs_push_nothing_out_that_was_verified() -> None:
    rules = RotationPolicy(last=7, daily=14, weekly=8, monthly=12, unverified=3)
    verified = [a_backup(one.created_at, verified=True) for one in TWICE_DAILY]
    before = stay(verified, rules)
    failing = [a_backup(NEWEST + timedelta(days=n)) for n in range(40, 0, -1)]

    after = stay([*failing, *verified], rules)

    assert after[:3] == [one.created_at for one in failing[:3]]
    assert after[3:] == before
