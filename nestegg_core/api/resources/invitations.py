"""Invitations to an organization."""

from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from pydantic import Field

from nestegg_core.api.fields import Email, PageQuery, RequestModel
from nestegg_core.api.middleware.client_address import ClientAddresses
from nestegg_core.api.operation import ORGANIZATION, PREFIX, Answer, Call, operation
from nestegg_core.api.resources import me as users_models
from nestegg_core.api.resources.common import GONE, AnswerModel, Next, Row, Sealed
from nestegg_core.api.resources.me import LinkToken
from nestegg_core.api.resources.members import Role
from nestegg_core.mail.queue import INVITATION, MailQueue
from nestegg_core.rate_limits import RateLimits
from nestegg_core.users.invitations import Invitations
from nestegg_core.users.organizations import Organizations


class NewInvitation(RequestModel):
    """Whom to invite, and as what."""

    email: Email
    role: Role


class Invitation(Row, Sealed):
    """An invitation that nobody has accepted yet."""

    email: str | None
    role: Role
    invited_by: Annotated[UUID | None, Field(description="User; null once they are gone.")]
    mailed_at: Annotated[
        datetime | None,
        Field(description="When its link was mailed; null where it was shown, or is on its way."),
    ]
    expires_at: datetime


class MadeInvitation(Invitation):
    """An invitation that was made just now."""

    link: Annotated[
        str | None,
        Field(description="To be handed over, shown this once; null where it is mailed."),
    ]


class InvitationPage(AnswerModel):
    """Invitations, the newest first."""

    items: list[Invitation]
    next: Next


class Acceptance(RequestModel):
    """The token of an invitation's link."""

    token: LinkToken


COLLECTION = ORGANIZATION + "/invitations"
ONE = COLLECTION + "/{invitation_id:uuid}"


class InvitationResource:
    """`/invitations`: an organization's, and those that one accepts."""

    def __init__(
        self,
        invitations: Invitations,
        organizations: Organizations,
        mail_queue: MailQueue,
        limits: RateLimits,
        clients: ClientAddresses,
    ) -> None:
        self._invitations = invitations
        self._organizations = organizations
        self._mail_queue = mail_queue
        self._limits = limits
        self._clients = clients

    @operation("GET", COLLECTION, permission="members:read", query=PageQuery, answer=InvitationPage)
    def list(self, call: Call) -> Answer:
        """List the invitations that nobody has accepted yet."""
        items, after = self._invitations.page(call.tx, limit=call.query.limit, after=call.after)
        return Answer({"items": items}, after=after)

    def count_tries(self, call: Call) -> None:
        """Count what sends mail; no transaction is open yet."""
        if self._mail_queue.configured:
            self._limits.hit("invitations of an organization", call.org_id)
            self._limits.hit("invitations of a user", call.caller.user_id)
            network = self._clients.device(call.request).network
            self._limits.hit("invitations from an address", network)

    @operation(
        "POST",
        COLLECTION,
        permission="members:write",
        body=NewInvitation,
        answer=MadeInvitation,
        status=201,
        refusals=(429,),
        prepare=count_tries,
    )
    def create(self, call: Call) -> Answer:
        """Invite an address to a role, at most one's own. An older invitation of it is void.

        Its link is mailed; where the server sends no mail, the answer has it.
        """
        mailed = self._mail_queue.configured
        row, link = self._invitations.create(
            call.tx, call.caller.user_id, call.body.email, call.body.role
        )
        sent = partial(self._mail_queue.ask, INVITATION, invitation_id=str(row["id"]))
        return Answer(
            {**row, "link": None if mailed else link},
            status=201,
            location=f"{call.request.path}/{row['id']}",
            cacheable=mailed,
            afterwards=sent if mailed else None,
        )

    @operation("GET", ONE, permission="members:read", answer=Invitation)
    def read(self, call: Call) -> Answer:
        """Read an invitation."""
        return Answer(self._invitations.read(call.tx, call.params["invitation_id"]))

    @operation("DELETE", ONE, permission="members:write", answer=None, status=204)
    def delete(self, call: Call) -> Answer:
        """Withdraw an invitation: its link is worth nothing from now on."""
        self._invitations.delete(call.tx, call.params["invitation_id"], call.version)
        return GONE

    @operation(
        "POST",
        PREFIX + "/invitations/accept",
        body=Acceptance,
        answer=users_models.Organization,
    )
    def accept(self, call: Call) -> Answer:
        """Join the organization that an invitation's link is for.

        Who has no account yet gives the token to `POST /auth/register` instead. A link that is
        not good is 403 with the type `invitation-invalid`.
        """
        org_id = self._invitations.accept(call.body.token, call.caller.user_id)
        return Answer(self._organizations.of_id(org_id))
