"""Mail to users: what it says, the queue, and SMTP."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from nestegg_core.application import Background, Kernel
    from nestegg_core.auth import PasswordServices
    from nestegg_core.contracts.operations import JobRegistration
    from nestegg_core.mail.messages import Message
    from nestegg_core.mail.queue import MailQueue
    from nestegg_core.mail.smtp import Mailer
    from nestegg_core.users import AddressServices


@dataclass(frozen=True)
class MailServices:
    mail_queue: "MailQueue"


@dataclass(frozen=True)
class MailerServices:
    mailer: "Mailer | None"
    """What sends mail; `None` where links are shown to administrators instead."""


def wire_mailer(kernel: "Kernel") -> MailerServices:
    settings = kernel.settings
    if settings.smtp_host is None or settings.mail_from is None:
        return MailerServices(None)
    from nestegg_core.mail.smtp import MailServer, SmtpMailer

    password = settings.smtp_password
    server = MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        sender=settings.mail_from,
        username=settings.smtp_username,
        password=password.get_secret_value() if password else None,
    )
    return MailerServices(SmtpMailer(server, kernel.clock))


def wire(background: "Background") -> MailServices:
    from nestegg_core.mail.queue import MailQueue

    jobs, configured = background.jobs, background.mailer is not None
    return MailServices(MailQueue(jobs, configured=configured, runs_here=jobs.queue is None))


def jobs(
    services: MailerServices, passwords: "PasswordServices", addresses: "AddressServices"
) -> "Sequence[JobRegistration]":
    """Return the jobs that send mail. What is over by the time one runs is not sent."""
    from nestegg_core.mail.queue import INVITATION, RESET, SHOWN_RESET, VERIFICATION, mail_jobs

    if services.mailer is None:
        return []
    own = passwords.email_verification
    messages: Mapping[str, Callable[[Mapping[str, Any]], Message | None]] = {
        RESET: lambda given: own.reset_message(given["email"]),
        SHOWN_RESET: lambda given: own.shown_reset_message(UUID(given["user_id"]), given["token"]),
        VERIFICATION: lambda given: own.verification_message(UUID(given["user_id"])),
        INVITATION: lambda given: addresses.invitations.message(UUID(given["invitation_id"])),
    }
    return mail_jobs(services.mailer, messages)
