"""The daily job."""

from collections.abc import Callable, Mapping
from typing import Any

from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.errors import NestEggError
from nestegg_core.retention.counts import Counts
from nestegg_core.retention.engine import Retention

DAILY = "30 3 * * *"
"""03:30 UTC."""


def _tell_nobody(_counts: Counts, _cleaned: Mapping[str, int]) -> None:
    """Measure nothing."""


def retention_job(
    retention: Retention,
    *,
    dry_run: bool,
    asked_by: Callable[[], str],
    tell: Callable[[Counts, Mapping[str, int]], None] = _tell_nobody,
) -> JobRegistration:
    """Return the job that purges and cleans.

    Running it twice, or at the same time as another, does no more than running it once.

    Args:
        retention: what it runs.
        dry_run: whether the purge only tells what it would do. Cleaning is done either way.
        asked_by: tells who asked for the job that is being run, for the receipts.
        tell: is told what the purge came to, and how many rows were cleaned, by table.
    """

    def run(_: Mapping[str, Any]) -> None:
        counts = retention.run(live=not dry_run, started_by=asked_by())
        tell(counts, retention.clean())
        if counts.failures:
            raise NestEggError("; ".join(f"org={org}: {error}" for org, error in counts.failures))

    return JobRegistration("retention", run, schedule=DAILY)
