"""What the mails say, and what the links in them look like."""

from dataclasses import dataclass, field
from typing import Literal

Page = Literal["reset-password", "verify-email", "accept-invitation"]


@dataclass(frozen=True, slots=True)
class Message:
    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Messages:
    base_url: str

    def link(self, page: Page, token: str) -> str:
        """Return a link to a page of the web app.

        The token is in the fragment, which browsers keep to themselves (RFC 9110, 4.2.5 and
        10.1.3): it gets into no server's log and into no `Referer`.

        Example:
            >>> Messages("https://app.example.org").link("verify-email", "abc")
            'https://app.example.org/verify-email#token=abc'
        """
        return f"{self.base_url}/{page}#token={token}"

    def reset(self, to: str, token: str) -> Message:
        return Message(
            to,
            "Choose a new password for Nest Egg",
            "Somebody asked for a new password for your account at Nest Egg. Choose it here, "
            "within one hour:\n\n"
            f"{self.link('reset-password', token)}\n\n"
            "That signs you out everywhere. If you did not ask for it, do nothing: your password "
            "stays as it is.\n",
        )

    def verification(self, to: str, token: str) -> Message:
        return Message(
            to,
            "Confirm your address for Nest Egg",
            "Confirm that this is your address at Nest Egg, within 24 hours:\n\n"
            f"{self.link('verify-email', token)}\n\n"
            "If you have no account there, do nothing.\n",
        )

    def invitation(self, to: str, organization: str, role: str, token: str) -> Message:
        name = " ".join(organization.split())
        return Message(
            to,
            "An invitation to Nest Egg",
            f'You are invited to the organization "{name}" at Nest Egg, as {role}. Accept within '
            "seven days:\n\n"
            f"{self.link('accept-invitation', token)}\n\n"
            "The link is good once, for whoever has it: do not pass it on. If you do not know "
            "who invited you, do nothing.\n",
        )
