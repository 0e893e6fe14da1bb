"""Mail: one small seam, and SMTP behind it.

Nothing that a user wrote gets into a header but the address, and that in one form alone. What a
mail server answers may repeat addresses, so errors tell its code and no more.
"""

import re
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import make_msgid, parseaddr
from typing import Literal, Protocol

from nestegg_core.errors import NestEggError

SECONDS = 15.0
"""How long each step of a conversation with the mail server may take."""

Security = Literal["starttls", "tls", "none"]
"""From the greeting on, from the first byte, or never; both encryptions verify the certificate."""

_ATOM = r"[^\x00-\x20\x7f-\x9f\"(),:;<>@\[\\\]]+"
_ADDRESS = re.compile(rf"{_ATOM}@{_ATOM}")
"""A dot-atom at a domain (RFC 5322, 3.4.1). Quoted names and lists of addresses are neither."""


class MailNotSent(NestEggError):
    pass


class Mailer(Protocol):
    def send(self, to: str, subject: str, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class MailServer:
    host: str
    port: int
    security: Security
    sender: str  # `MAIL_FROM`, an address that may have a name
    username: str | None = None
    password: str | None = field(default=None, repr=False)


class SmtpMailer:
    """Fulfils `Mailer` over SMTP (RFC 5321), one connection for each mail."""

    def __init__(
        self,
        server: MailServer,
        clock: Callable[[], datetime],
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        self._server = server
        self._clock = clock
        self._tls = tls
        self._sender = parseaddr(server.sender)[1]
        self._domain = self._sender.rpartition("@")[2]

    def send(self, to: str, subject: str, text: str) -> None:
        message = self._message(to, subject, text)
        self._with_client(lambda client: client.send_message(message, self._sender, [to]))

    def greet(self) -> None:
        self._with_client(lambda client: client.noop())

    def _with_client(self, talk: Callable[[smtplib.SMTP], object]) -> None:
        try:
            with self._connected() as client:
                talk(client)
        except smtplib.SMTPResponseException as error:
            raise MailNotSent(f"The mail server answered {error.smtp_code}.") from None
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            raise MailNotSent(f"Sending a mail failed: {_reason(error)}.") from None

    def _message(self, to: str, subject: str, text: str) -> EmailMessage:
        if not _ADDRESS.fullmatch(to):
            raise MailNotSent("The address has a form that no mail is sent to.")
        message = EmailMessage()
        message["From"] = self._server.sender
        message["To"] = Address(username=to.rpartition("@")[0], domain=to.rpartition("@")[2])
        message["Subject"] = " ".join(subject.split())
        message["Date"] = self._clock()
        message["Message-ID"] = make_msgid(domain=self._domain)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday note answers it
        message.set_content(text)
        return message

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        # The name for EHLO is given, for smtplib would look one up, and wait for a slow resolver.
        if server.security == "tls":
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, self._domain, timeout=SECONDS, context=self._tls()
            )
        else:
            client = smtplib.SMTP(server.host, server.port, self._domain, timeout=SECONDS)
        try:
            if server.security == "starttls":  # raises where the server does not offer it
                client.starttls(context=self._tls())
            if server.username is not None:
                client.login(server.username, server.password or "")
        except BaseException:
            client.close()
            raise
        return client


def _reason(error: Exception) -> str:
    """Tell what went wrong without a word of the server's, which may repeat an address."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = sorted({code for code, _ in error.recipients.values()})
        return "the mail server refused the recipient with " + ", ".join(map(str, codes))
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the mail server's certificate is not good ({error.verify_message})"
    return type(error).__name__
