"""Lost passwords, and proof of addresses."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from nestegg_core.api.fields import AnswerModel, Email, RequestModel
from nestegg_core.api.middleware.client_address import ClientAddresses
from nestegg_core.api.operation import PREFIX, Answer, Call, operation
from nestegg_core.api.resources.auth.security import told
from nestegg_core.api.resources.auth.sign_in import NewPasswordSet
from nestegg_core.api.resources.me import KeepTokens, LinkToken, NewPassword
from nestegg_core.auth.builtin.email_verification import EmailVerification
from nestegg_core.mail.queue import RESET, SHOWN_RESET, VERIFICATION, MailQueue
from nestegg_core.rate_limits import RateLimits
from nestegg_core.users.emails import canonical


class LostPassword(RequestModel):
    """Whose password is lost."""

    email: Email


class PasswordReset(RequestModel):
    """The token of a link, and the new password."""

    token: LinkToken
    password: NewPassword
    keep_personal_tokens: KeepTokens = False


class AddressProof(RequestModel):
    """The token of a link that was mailed."""

    token: LinkToken


class ResetLink(AnswerModel):
    """A link that lets a user choose a new password."""

    link: Annotated[str, Field(description="Good once, for an hour; shown this once.")]
    mailed: Annotated[bool, Field(description="Whether the user gets it by mail as well.")]


ACCEPTED = Answer(None, status=202)
DONE = Answer(None, status=204)


@dataclass(frozen=True, slots=True)
class OwnAddressResource:
    email_verification: EmailVerification
    mail_queue: MailQueue
    limits: RateLimits
    clients: ClientAddresses

    @operation(
        "POST",
        PREFIX + "/auth/forgot-password",
        public=True,
        body=LostPassword,
        answer=None,
        status=202,
    )
    def forgot(self, call: Call) -> Answer:
        """Have a link mailed that resets a password.

        The answer is the same, and takes the same time, whether or not somebody has the address.
        Where the server sends no mail it is 409 with the type `mail-not-configured`.
        """
        self.mail_queue.require()
        self.limits.hit("reset links from an address", self.clients.device(call.request).network)
        self.limits.hit("reset links of an account", canonical(call.body.email))
        self.mail_queue.ask(RESET, email=call.body.email)
        return ACCEPTED

    @operation(
        "POST",
        PREFIX + "/auth/reset-password",
        public=True,
        body=PasswordReset,
        answer=NewPasswordSet,
    )
    def reset(self, call: Call) -> Answer:
        """Choose a new password with a link's token.

        Every session ends, and every personal access token unless one keeps them. A second factor
        stays.
        """
        body = call.body
        ended = self.email_verification.reset(
            body.token, body.password, keep_tokens=body.keep_personal_tokens
        )
        return told(ended)

    @operation(
        "POST",
        PREFIX + "/auth/verify-email",
        public=True,
        body=AddressProof,
        answer=None,
        status=204,
    )
    def verify(self, call: Call) -> Answer:
        """Verify an address with a mailed link's token."""
        self.email_verification.verify(call.body.token)
        return DONE

    @operation("POST", PREFIX + "/me/verify-email", answer=None, status=202)
    def send_verification(self, call: Call) -> Answer:
        """Have a link mailed that verifies one's address; nothing is sent where it is verified."""
        user_id = call.caller.user_id
        self.mail_queue.require()
        self.email_verification.require_own(user_id)
        self.limits.hit("verification mails of a user", user_id)
        self.mail_queue.ask(VERIFICATION, user_id=str(user_id))
        return ACCEPTED

    @operation(
        "POST",
        PREFIX + "/admin/users/{user_id:uuid}/reset-link",
        administrators=True,
        opens_accounts=True,
        answer=ResetLink,
        status=201,
    )
    def reset_link(self, call: Call) -> Answer:
        """Make a link that resets a user's password, to be handed over; an older one is void.

        It is mailed as well, where the server sends mail.
        """
        user_id, mailed = call.params["user_id"], self.mail_queue.configured
        link, token = self.email_verification.reset_link_for(user_id)
        if mailed:
            self.mail_queue.ask(SHOWN_RESET, user_id=str(user_id), token=token)
        return Answer({"link": link, "mailed": mailed}, status=201, cacheable=False)
