"""The core's own job: rows of jobs that ended long ago are deleted."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.errors import InvalidInput
from nestegg_core.jobs.book import JobBook
from nestegg_core.jobs.statements import DONE, FAILED

KEPT = {DONE: timedelta(days=14), FAILED: timedelta(days=90)}

_log = structlog.get_logger("nestegg.jobs")


def forget_jobs(book: JobBook) -> JobRegistration:
    """Return the job; it runs daily."""

    def forget(arguments: Mapping[str, Any]) -> None:
        if arguments:
            raise InvalidInput.one("/arguments", "not_wanted", "the job takes none")
        for state, age in KEPT.items():
            _log.info("jobs forgotten", state=state, jobs=book.forget(of_state=state, age=age))

    return JobRegistration("forget_jobs", forget, schedule="40 3 * * *")
