"""Invitations to an organization."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from nestegg_core.web.fields import Email, RequestModel
from nestegg_core.web.models.common import AnswerModel, Next, Row, Sealed
from nestegg_core.web.models.members import Role
from nestegg_core.web.models.people import LinkToken


class NewInvitation(RequestModel):
    """Whom to invite, and as what."""

    email: Email
    role: Role


class Invitation(Row, Sealed):
    """An invitation that nobody has accepted yet."""

    email: str | None
    role: Role
    invited_by: Annotated[UUID | None, Field(description="Person; null once they are gone.")]
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
