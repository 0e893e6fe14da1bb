"""Members of an organization, and invitations to it."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from nestegg_core.api.fields import AnswerModel, Email, Next, PageQuery, RequestModel, Row, Sealed
from nestegg_core.api.middleware.client_address import ClientAddresses
from nestegg_core.api.operation import (
    GONE,
    ORGANIZATION,
    PREFIX,
    Answer,
    Call,
    operation,
    page_answer,
)
from nestegg_core.api.resources import me as users_models
from nestegg_core.api.resources.me import LinkToken
from nestegg_core.mail.queue import INVITATION, MailQueue
from nestegg_core.rate_limits import RateLimits
from nestegg_core.users.invitations import Invitations
from nestegg_core.users.organizations import Members, Organizations

Role = Literal["owner", "admin", "member", "viewer"]


class MemberChange(RequestModel):
    """What to change."""

    role: Role


class Member(Sealed):
    """A user in an organization."""

    user_id: UUID
    email: str | None
    name: str | None
    role: Role
    granted_by: Annotated[
        str | None,
        Field(description="Issuer whose groups give the role, which is changed there; else null."),
    ]
    disabled: Annotated[bool, Field(description="Whether the user may not sign in.")]
    created_at: datetime
    updated_at: datetime
    version: Annotated[int, Field(description="Counts changes; also the answer's ETag.")]


class MemberPage(AnswerModel):
    """Members, the oldest account first."""

    items: list[Member]
    next: Next


COLLECTION = ORGANIZATION + "/members"
ONE = COLLECTION + "/{user_id:uuid}"


@dataclass(frozen=True, slots=True)
class MemberResource:
    members: Members

    @operation("GET", COLLECTION, permission="members:read", query=PageQuery, answer=MemberPage)
    def list(self, call: Call) -> Answer:
        """List who belongs to the organization, and as what."""
        return page_answer(self.members.page(call.tx, limit=call.query.limit, after=call.after))

    @operation("GET", ONE, permission="members:read", answer=Member)
    def read(self, call: Call) -> Answer:
        """Read a member."""
        return Answer(self.members.read(call.tx, call.params["user_id"]))

    @operation("PATCH", ONE, permission="members:write", body=MemberChange, answer=Member)
    def change(self, call: Call) -> Answer:
        """Give a member another role, at most one's own; an owner, only owners can change.

        The last owner stays one. A role that a provider's groups give is changed there.
        """
        return Answer(
            self.members.change(
                call.tx, call.caller.user_id, call.params["user_id"], call.version, call.body.role
            )
        )

    @operation(
        "DELETE", ONE, permission="members:write", own="members:leave", answer=None, status=204
    )
    def remove(self, call: Call) -> Answer:
        """Take a member out, or leave: for oneself every role is enough.

        The last owner cannot leave.
        """
        caller_id, user_id = call.caller.user_id, call.params["user_id"]
        self.members.remove(call.tx, caller_id, user_id, call.version)
        return GONE


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


INVITATIONS = ORGANIZATION + "/invitations"
INVITATION_PATH = INVITATIONS + "/{invitation_id:uuid}"


@dataclass(frozen=True, slots=True)
class InvitationResource:
    invitations: Invitations
    organizations: Organizations
    mail_queue: MailQueue
    limits: RateLimits
    clients: ClientAddresses

    @operation(
        "GET", INVITATIONS, permission="members:read", query=PageQuery, answer=InvitationPage
    )
    def list(self, call: Call) -> Answer:
        """List the invitations that nobody has accepted yet."""
        return page_answer(self.invitations.page(call.tx, limit=call.query.limit, after=call.after))

    def count_tries(self, call: Call) -> None:
        """Count what sends mail; no transaction is open yet."""
        if self.mail_queue.configured:
            self.limits.hit("invitations of an organization", call.org_id)
            self.limits.hit("invitations of a user", call.caller.user_id)
            network = self.clients.device(call.request).network
            self.limits.hit("invitations from an address", network)

    @operation(
        "POST",
        INVITATIONS,
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
        mailed = self.mail_queue.configured
        row, link = self.invitations.create(
            call.tx, call.caller.user_id, call.body.email, call.body.role
        )
        sent = partial(self.mail_queue.ask, INVITATION, invitation_id=str(row["id"]))
        return Answer(
            {**row, "link": None if mailed else link},
            status=201,
            location=f"{call.request.path}/{row['id']}",
            cacheable=mailed,
            afterwards=sent if mailed else None,
        )

    @operation("GET", INVITATION_PATH, permission="members:read", answer=Invitation)
    def read(self, call: Call) -> Answer:
        """Read an invitation."""
        return Answer(self.invitations.read(call.tx, call.params["invitation_id"]))

    @operation("DELETE", INVITATION_PATH, permission="members:write", answer=None, status=204)
    def delete(self, call: Call) -> Answer:
        """Withdraw an invitation: its link is worth nothing from now on."""
        self.invitations.delete(call.tx, call.params["invitation_id"], call.version)
        return GONE

    @operation(
        "POST", PREFIX + "/invitations/accept", body=Acceptance, answer=users_models.Organization
    )
    def accept(self, call: Call) -> Answer:
        """Join the organization that an invitation's link is for.

        Who has no account yet gives the token to `POST /auth/register` instead. A link that is
        not good is 403 with the type `invitation-invalid`.
        """
        org_id = self.invitations.accept(call.body.token, call.caller.user_id)
        return Answer(self.organizations.of_id(org_id))
