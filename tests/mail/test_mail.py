"""Mail, handed in at a real server: encrypted, signed in, and never twisted by what it holds."""

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nestegg_core.mail.smtp import MailNotSent, MailServer, Security, SmtpMailer
from support.smtp import PASSWORD, USER, Certificate, mail_server, make_certificate

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def mailer(
    port: int,
    security: Security = "none",
    certificate: Certificate | None = None,
    password: str | None = None,
) -> SmtpMailer:
    server = MailServer(
        "127.0.0.1",
        port,
        security,
        "Nest Egg <nestegg@example.org>",
        USER if password else None,
        password,
    )
    if certificate is None:
        return SmtpMailer(server, lambda: NOW)
    return SmtpMailer(server, lambda: NOW, certificate.trusted)


def test_a_mail_arrives_as_it_was_written() -> None:
    with mail_server() as box:
        mailer(box.port).send("ada@example.org", "Zürich", "Grüße\nhttps://x.example/#token=1\n")

    ((recipients, message),) = box.received
    assert recipients == ["ada@example.org"]
    assert message["To"] == "ada@example.org"
    assert message["From"] == "Nest Egg <nestegg@example.org>"
    assert message["Subject"] == "Zürich"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == NOW
    assert message["Message-ID"].endswith("@example.org>")
    assert message.get_content().replace("\r\n", "\n") == "Grüße\nhttps://x.example/#token=1\n"


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_it_travels_encrypted_and_signed_in(certificate: Certificate, security: Security) -> None:
    context = certificate.of_server()
    with (
        mail_server(starttls=context, auth=True)
        if security == "starttls"
        else mail_server(tls=context)
    ) as box:
        password = PASSWORD if security == "starttls" else None
        mailer(box.port, security, certificate, password).send("ada@example.org", "x", "y")

    assert len(box.received) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_ends_it(
    certificate: Certificate, security: Security
) -> None:
    context = certificate.of_server()
    with (
        (
            mail_server(starttls=context) if security == "starttls" else mail_server(tls=context)
        ) as box,
        pytest.raises(MailNotSent, match="certificate is not good"),
    ):
        mailer(box.port, security).send("ada@example.org", "x", "y")

    assert box.received == []


def test_a_certificate_for_another_host_ends_it(tmp_path: Path) -> None:
    other = make_certificate(tmp_path, host="127.0.0.2")
    with mail_server(tls=other.of_server()) as box, pytest.raises(MailNotSent, match="certificate"):
        mailer(box.port, "tls", other).send("ada@example.org", "x", "y")


def test_a_server_without_starttls_gets_nothing_in_the_clear() -> None:
    with mail_server() as box, pytest.raises(MailNotSent, match="SMTPNotSupportedError"):
        mailer(box.port, "starttls").send("ada@example.org", "x", "y")

    assert box.received == []


def test_a_wrong_password_is_told_by_its_code_alone(certificate: Certificate) -> None:
    with (
        mail_server(starttls=certificate.of_server(), auth=True) as box,
        pytest.raises(MailNotSent) as caught,
    ):
        mailer(box.port, "starttls", certificate, "wrong").send("ada@example.org", "x", "y")

    assert str(caught.value) == "The mail server answered 535."


def test_a_refused_recipient_is_told_without_the_address() -> None:
    with mail_server() as box:
        box.refuses = "550 there is no ada@example.org"
        with pytest.raises(MailNotSent) as caught:
            mailer(box.port).send("ada@example.org", "x", "y")

    assert "550" in str(caught.value)
    assert "ada" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_server_that_is_not_there_is_no_surprise() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(MailNotSent, match="ConnectionRefusedError"):
        mailer(port).send("ada@example.org", "x", "y")


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.org\r\nBcc: eve@example.org",
        "ada@example.org\nBcc:eve@example.org",
        "ada,eve@example.org",
        "ada@example.org,eve@example.net",
        "ada<eve@example.org>",
        '"ada eve"@example.org',
        "ada@example.org ",
        "ada\x00@example.org",
        "ada",
        "@example.org",
        "",
    ],
)
def test_an_address_is_one_address_or_nothing_is_sent(address: str) -> None:
    with mail_server() as box, pytest.raises(MailNotSent):
        mailer(box.port).send(address, "x", "y")

    assert box.received == []


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028"])
def test_a_subject_cannot_become_a_header(line_end: str) -> None:
    with mail_server() as box:
        subject = f"Hello{line_end}Bcc: eve@example.org"
        mailer(box.port).send("ada@example.org", subject, "y")

    ((recipients, message),) = box.received
    assert recipients == ["ada@example.org"]
    assert message["Bcc"] is None
    assert message["Subject"] == "Hello Bcc: eve@example.org"


def test_a_text_cannot_end_the_mail() -> None:
    text = "first\n.\nRCPT TO:<eve@example.org>\nlast\n"
    with mail_server() as box:
        mailer(box.port).send("ada@example.org", "x", text)

    ((recipients, message),) = box.received
    assert recipients == ["ada@example.org"]
    assert message.get_content().replace("\r\n", "\n") == text


def test_a_password_is_not_in_the_settings_representation() -> None:
    assert PASSWORD not in repr(MailServer("h", 25, "none", "a@example.org", USER, PASSWORD))
