"""The mail server: does it let us in?"""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from nestegg_core.contracts.operations import Diagnosis
from nestegg_core.errors import NestEggError


@runtime_checkable
class GreetingMailer(Protocol):
    """A mailer that can be tried without sending a mail."""

    def greet(self) -> None: ...


def mail(mailer: object) -> Iterator[Diagnosis]:
    if not isinstance(mailer, GreetingMailer):
        return
    try:
        mailer.greet()
    except NestEggError as error:
        yield Diagnosis(
            "error",
            str(error).rstrip("."),
            "invitations and links for lost passwords are not sent",
            "correct SMTP_HOST, SMTP_PORT, SMTP_SECURITY, SMTP_USERNAME and SMTP_PASSWORD",
        )
