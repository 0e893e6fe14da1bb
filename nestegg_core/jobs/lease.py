"""Keeps the lease of a running job alive, from a thread beside the job."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from nestegg_core.errors import NestEggError

_PATIENCE = 5
"""Seconds to wait for a renewal that is under way when the job ends."""

_log = structlog.get_logger("nestegg.jobs")


@contextmanager
def renewed(renew: Callable[[], bool], seconds: float, job_id: str) -> Iterator[None]:
    """Call `renew` every so many seconds until the block ends.

    A renewal that fails is tried again the next time. One that returns false ends them: another
    worker has the job, and what this one does is done twice.
    """
    over = threading.Event()

    def keep() -> None:
        while not over.wait(seconds):
            try:
                if not renew():
                    _log.warning("job was taken over by another worker", job_id=job_id)
                    return
            except NestEggError as error:
                _log.warning("lease was not renewed", job_id=job_id, error=str(error))

    thread = threading.Thread(target=keep, name="job lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_PATIENCE)
