"""The settings of mail that depend on one another, and what an address must look like."""

from collections.abc import Iterator, Mapping
from email.policy import SMTP
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator

from nestegg_core.errors import Problem
from nestegg_core.settings.types import invalid

if TYPE_CHECKING:
    from nestegg_core.settings import Settings

PORTS = {"starttls": 587, "tls": 465, "none": 25}
"""RFC 6409, 3.1; RFC 8314, 7.3; RFC 5321, 4.5.4.2."""


def usual_port(data: Mapping[str, Any]) -> int:
    return PORTS.get(data.get("smtp_security", ""), PORTS["starttls"])


def mail_address(value: str) -> str:
    """Check one address, alone or as `Name <address>`."""
    good = value.isprintable()
    if good:
        header: Any = SMTP.header_factory("From", value)
        addresses = header.addresses
        good = not header.defects and len(addresses) == 1
        good = good and all(one.username and one.domain for one in addresses)
    if not good:
        raise invalid("is no mail address", "write it like nestegg@example.org")
    return value


MailAddress = Annotated[str, AfterValidator(mail_address)]
"""One address, alone or as `Name <address>`."""


def incomplete(settings: "Settings") -> Iterator[Problem]:
    if settings.smtp_host is not None and settings.mail_from is None:
        fix = "set the address that mail comes from, e.g. nestegg@example.org"
        yield Problem("MAIL_FROM", "is not set, but SMTP_HOST is", fix)
    if (settings.smtp_username is None) != (settings.smtp_password is None):
        fix = "set both SMTP_USERNAME and SMTP_PASSWORD, or neither"
        missing = "SMTP_USERNAME" if settings.smtp_username is None else "SMTP_PASSWORD"
        yield Problem(missing, "is not set, but its other half is", fix)
