"""Mail on its way: asked for in a request, sent by a job.

A request neither waits for the mail server nor tells by its time whether an address is known: it
asks for the job whether it is or not, and the job finds out. Without Redis jobs run in the process
that asks, so a thread of its own asks for them there.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Protocol

import structlog

from nestegg_core.errors import Conflict, NestEggError

_log = structlog.get_logger("nestegg.mail")


class Jobs(Protocol):
    """Accepts jobs; `nestegg_core.jobs.service.Jobs` does."""

    def enqueue(self, name: str, arguments: Mapping[str, Any] | None = None) -> str:
        """Accept a job and return its id."""
        ...


class Outbox:
    """Asks for mails.

    Args:
        jobs: accepts the jobs of `mail_jobs`.
        configured: whether there is a mail server.
        runs_here: whether an accepted job has been done when `enqueue` returns.
    """

    def __init__(self, jobs: Jobs, *, configured: bool, runs_here: bool) -> None:
        self._jobs = jobs
        self._runs_here = runs_here
        self.configured = configured

    def require(self) -> None:
        """Refuse what needs mail on a server without.

        Raises:
            Conflict: there is no mail server.
        """
        if not self.configured:
            raise Conflict(
                "mail-not-configured",
                "This server sends no mail. Ask an administrator, who can make a link for you.",
            )

    def ask(self, job: str, **arguments: Any) -> None:
        """Have a mail sent; call it outside of any transaction.

        Args:
            job: its name.
            arguments: JSON values, and nothing that administrators must not see: they can read
                the arguments of jobs.

        Raises:
            StorageUnavailable: the job was not accepted.
        """
        if self._runs_here:
            self._thread.submit(self._ask_here, job, arguments)
        else:
            self._jobs.enqueue(job, arguments)

    def close(self) -> None:
        """Wait for the mails that are under way in this process."""
        if self._runs_here:
            self._thread.shutdown(wait=True)

    @cached_property
    def _thread(self) -> ThreadPoolExecutor:
        """Made at first use: after gunicorn has forked. One mail at a time is sent."""
        return ThreadPoolExecutor(1, "mail")

    def _ask_here(self, job: str, arguments: Mapping[str, Any]) -> None:
        try:
            self._jobs.enqueue(job, arguments)
        except NestEggError as error:  # what the job itself raises is in its row
            _log.error("a mail is lost", job=job, error=type(error).__name__)
