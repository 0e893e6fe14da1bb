"""The job that this thread is at: who asked for it, and when."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from nestegg_core.jobs.book import Claim

PERSON, COMMAND, SCHEDULE, CORE = "person", "command", "schedule", "core"
"""Who asks for a job: somebody through the API, `nestegg jobs run`, the scheduler, or the core on
its own behalf, such as for a mail.
"""

_current: ContextVar[Claim | None] = ContextVar("job", default=None)


def current_job() -> Claim | None:
    """Return the job that is being run; `None` outside of one."""
    return _current.get()


@contextmanager
def running(claim: Claim) -> Iterator[None]:
    """Be at a job while the block runs."""
    token = _current.set(claim)
    try:
        yield
    finally:
        _current.reset(token)
