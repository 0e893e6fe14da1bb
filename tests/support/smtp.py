"""A real mail server on loopback, with TLS and sign-in when a test wants them."""

import asyncio
import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "nestegg", "mail password"
PATIENCE = 20


@dataclass
class MailBox:
    """What a server has taken in, and what it shall refuse.

    Attributes:
        port: where it listens.
        received: recipients and message of each mail.
        refuses: an answer to every recipient, such as `550 no such user`.
    """

    port: int = 0
    received: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    refuses: str = ""
    _open: threading.Event = field(default_factory=threading.Event)
    _came: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self._open.set()

    def wait_for(self, count: int) -> list[EmailMessage]:
        """Wait until so many mails are here, and return them."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.received) >= count, PATIENCE), "no mail"
            return [message for _, message in self.received]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Take in nothing meanwhile: clients wait for the answer to their mail."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        await asyncio.to_thread(self._open.wait, PATIENCE)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        with self._came:
            self.received.append((list(envelope.rcpt_tos), message))
            self._came.notify_all()
        return "250 OK"


@contextmanager
def mail_server(
    *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, auth: bool = False
) -> Iterator[MailBox]:
    """Run a server in a thread.

    Args:
        starttls: what it encrypts with once a client asks.
        tls: what it encrypts with from the first byte.
        auth: whether clients must sign in as `USER`.
    """
    box, loop = MailBox(), asyncio.new_event_loop()

    def make() -> SMTP:
        options: dict[str, Any] = {"hostname": "localhost", "loop": loop}
        if starttls is not None:
            options |= {"tls_context": starttls, "require_starttls": True}
        if auth:
            options |= {"authenticator": _judge, "auth_required": True}
            options |= {"auth_require_tls": starttls is not None}
        return SMTP(box, **options)

    server = loop.run_until_complete(loop.create_server(make, "127.0.0.1", 0, ssl=tls))
    box.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield box
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


async def _stop(server: asyncio.Server) -> None:
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _judge(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    assert isinstance(data, LoginPassword)
    good = data.login == USER.encode() and data.password == PASSWORD.encode()
    return AuthResult(success=good, handled=False)


@dataclass(frozen=True)
class Certificate:
    """A certificate of a server that nobody but its own file vouches for."""

    file: Path

    def of_server(self) -> ssl.SSLContext:
        """Return what the server encrypts with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        return context

    def trusted(self) -> ssl.SSLContext:
        """Return what a client verifies with that trusts it."""
        return ssl.create_default_context(cafile=str(self.file))


def make_certificate(folder: Path, *, host: str = "127.0.0.1") -> Certificate:
    """Make a certificate for an address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "mail.pem"
    encoding, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_password)
    file.write_bytes(private + certificate.public_bytes(encoding))
    return Certificate(file)
