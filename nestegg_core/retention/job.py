"""The daily job."""

from collections.abc import Mapping
from typing import Any

from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.errors import NestEggError
from nestegg_core.retention.engine import Retention

DAILY = "30 3 * * *"
"""03:30 UTC."""


def retention_job(retention: Retention, *, dry_run: bool) -> JobRegistration:
    """Return the job that purges and cleans.

    Running it twice, or at the same time as another, does no more than running it once.

    Args:
        retention: what it runs.
        dry_run: whether the purge only tells what it would do. Cleaning is done either way.
    """

    def run(_: Mapping[str, Any]) -> None:
        counts = retention.run(live=not dry_run, started_by="schedule")
        retention.clean()
        if counts.failures:
            raise NestEggError("; ".join(f"org={org}: {error}" for org, error in counts.failures))

    return JobRegistration("retention", run, schedule=DAILY)
