"""Settings of mail and of registration: what must come together, and what production refuses."""

from typing import Any

import pytest

from nestegg_core.errors import ConfigurationError
from nestegg_core.settings import Environment, Settings, load

PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "7f1c6ad05be94e2883d1f0a4c7b96e52d8a3f40b1c95e7762d0e8b39fa641c57",
    "MASTER_ENCRYPTION_KEY": "Zk3nW8xQy1vT5rB7mC2pL9sD4fG6hJ0aE-uIoN_qRtY=",
    "ALLOWED_HOSTS": "app.example.com",
    "APP_BASE_URL": "https://app.example.com",
    "METRICS_PASSWORD": "long-enough-and-chosen",
    "DATABASE_URL": "postgresql://nestegg:pass-word@db.example.com:5432/nestegg",
}
MAIL = {"SMTP_HOST": "mail.example.com", "MAIL_FROM": "nestegg@example.com"}


def loaded(**variables: str) -> Settings:
    return load(Environment.read({**PRODUCTION, **variables}, dotenv=None))


def problems(**variables: str) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        loaded(**variables)
    assert all(problem.fix for problem in caught.value.problems)
    return {problem.where: problem.what for problem in caught.value.problems}


def test_production_asks_for_an_invitation_unless_told_otherwise() -> None:
    assert loaded().registration == "invite"
    assert loaded(REGISTRATION="open").registration == "open"
    assert loaded(REGISTRATION="closed").registration == "closed"


@pytest.mark.parametrize(
    ("variables", "port"),
    [
        ({}, 587),
        ({"SMTP_SECURITY": "starttls"}, 587),
        ({"SMTP_SECURITY": "tls"}, 465),
        ({"SMTP_SECURITY": "none", "SMTP_HOST": "localhost"}, 25),
        ({"SMTP_PORT": "2525"}, 2525),
    ],
)
def test_each_way_has_its_port(variables: dict[str, str], port: int) -> None:
    assert loaded(**{**MAIL, **variables}).smtp_port == port


@pytest.mark.parametrize("host", ["mail.example.com", "10.1.2.3", "192.0.2.1"])
def test_production_refuses_mail_in_the_clear(host: str) -> None:
    found = problems(**{**MAIL, "SMTP_HOST": host, "SMTP_SECURITY": "none"})

    assert list(found) == ["SMTP_SECURITY"]


@pytest.mark.parametrize(
    "variables",
    [
        {"SMTP_HOST": "localhost"},
        {"SMTP_HOST": "127.0.0.1"},
        {"SMTP_HOST": "::1"},
        {"SMTP_HOST": "mailpit", "TRUSTED_NETWORKS": "mailpit"},
        {"SMTP_HOST": "10.1.2.3", "TRUSTED_NETWORKS": "10.0.0.0/8"},
    ],
)
def test_a_network_of_ones_own_needs_no_tls(variables: dict[str, str]) -> None:
    assert loaded(**{**MAIL, "SMTP_SECURITY": "none", **variables}).smtp_security == "none"


@pytest.mark.parametrize(
    ("variables", "where"),
    [
        ({"MAIL_FROM": ""}, "MAIL_FROM"),
        ({"SMTP_USERNAME": "nestegg"}, "SMTP_PASSWORD"),
        ({"SMTP_PASSWORD": "pass-word"}, "SMTP_USERNAME"),
        ({"SMTP_SECURITY": "ssl"}, "SMTP_SECURITY"),
        ({"SMTP_PORT": "0"}, "SMTP_PORT"),
        ({"REGISTRATION": "free"}, "REGISTRATION"),
        ({"MAIL_FROM": "nestegg"}, "MAIL_FROM"),
        ({"MAIL_FROM": "a@example.com, b@example.com"}, "MAIL_FROM"),
        ({"MAIL_FROM": "a@example.com\r\nBcc: b@example.com"}, "MAIL_FROM"),
        ({"MAIL_FROM": "Nest <a@example.com"}, "MAIL_FROM"),
    ],
)
def test_what_is_wrong_is_named_once(variables: dict[str, Any], where: str) -> None:
    assert list(problems(**{**MAIL, **variables})) == [where]


def test_an_address_may_have_a_name() -> None:
    sender = "Nest Egg <nestegg@example.com>"
    assert loaded(**{**MAIL, "MAIL_FROM": sender}).mail_from == sender
