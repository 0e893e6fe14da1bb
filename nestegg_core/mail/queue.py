"""The jobs that send mail. Each makes its link when it runs, so that no job's row holds one.

Trying again makes a new link, and only the newest is good. The exception is a link that an
administrator has asked for and seen: administrators are who can read the arguments of jobs.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import structlog

from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.errors import Conflict, NestEggError
from nestegg_core.mail.messages import Message
from nestegg_core.mail.smtp import Mailer

RESET = "mail_reset_link"
SHOWN_RESET = "mail_shown_reset_link"
VERIFICATION = "mail_verification"
INVITATION = "mail_invitation"


def mail_jobs(
    mailer: Mailer, messages: Mapping[str, Callable[[Mapping[str, Any]], Message | None]]
) -> Sequence[JobRegistration]:
    def job(name: str, write: Callable[[Mapping[str, Any]], Message | None]) -> JobRegistration:
        def run(arguments: Mapping[str, Any]) -> None:
            message = write(arguments)
            if message is not None:
                mailer.send(message.to, message.subject, message.text)

        return JobRegistration(name, run)

    return [job(name, write) for name, write in messages.items()]


_log = structlog.get_logger("nestegg.mail")


class Jobs(Protocol):
    def enqueue(self, name: str, arguments: Mapping[str, Any] | None = None) -> str: ...


@dataclass
class MailQueue:
    jobs: Jobs
    configured: bool
    runs_here: bool

    def require(self) -> None:
        if not self.configured:
            raise Conflict(
                "mail-not-configured",
                "This server sends no mail. Ask an administrator, who can make a link for you.",
            )

    def ask(self, job: str, **arguments: Any) -> None:
        """Have a mail sent; call it outside of any transaction."""
        if self.runs_here:
            self._thread.submit(self._ask_here, job, arguments)
        else:
            self.jobs.enqueue(job, arguments)

    def close(self) -> None:
        if self.runs_here:
            self._thread.shutdown(wait=True)

    @cached_property
    def _thread(self) -> ThreadPoolExecutor:
        """Made at first use: after gunicorn has forked. One mail at a time is sent."""
        return ThreadPoolExecutor(1, "mail")

    def _ask_here(self, job: str, arguments: Mapping[str, Any]) -> None:
        try:
            self.jobs.enqueue(job, arguments)
        except NestEggError as error:  # what the job itself raises is in its row
            _log.error("a mail is lost", job=job, error=type(error).__name__)
