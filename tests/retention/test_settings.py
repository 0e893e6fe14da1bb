"""Settings that would delete everything, or nothing that was meant, refuse the start."""

from pathlib import Path

import pytest

from nestegg_core.application import Runtime, start
from nestegg_core.errors import ConfigurationError
from nestegg_core.settings import Environment


def started(home: Path, **variables: str) -> Runtime:
    return start(Environment.read({"NESTEGG_HOME": str(home), **variables}, dotenv=None))


@pytest.mark.parametrize(
    ("days", "why"),
    [
        ("0", "would let every transaction expire"),
        ("-2555", "would let every transaction expire"),
        ("99999999", "is more than a hundred years"),
        ("7 years", "integer"),
    ],
)
def test_absurd_ages_refuse_the_start(tmp_path: Path, days: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=f"DATA_RETENTION_DAYS: .*{why}"):
        started(tmp_path, DATA_RETENTION_DAYS=days)


def test_a_policy_that_is_not_installed_refuses_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"RETENTION_POLICIES: .*'legal_hold'.*not exist"):
        started(tmp_path, RETENTION_POLICIES="transaction_age,legal_hold")


@pytest.mark.parametrize("days", ["0", "-1", "36526"])
def test_absurd_waits_for_a_commit_refuse_the_start(tmp_path: Path, days: str) -> None:
    with pytest.raises(ConfigurationError, match="IMPORT_PREVIEW_DAYS"):
        started(tmp_path, IMPORT_PREVIEW_DAYS=days)


def test_a_dry_run_is_the_default(tmp_path: Path) -> None:
    assert started(tmp_path).settings.data_retention_dry_run
    assert not started(tmp_path, DATA_RETENTION_DRY_RUN="false").settings.data_retention_dry_run


def test_the_daily_job_is_there_and_runs_at_half_past_three(tmp_path: Path) -> None:
    jobs = {job.name: job for job in started(tmp_path).jobs.registered()}

    assert jobs["retention"].schedule == "30 3 * * *"
