"""Signing in, and who one is."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from nestegg_core.people.passwords import MAX_LENGTH, MIN_LENGTH
from nestegg_core.web.fields import Email, Name, RequestModel
from nestegg_core.web.models.common import AnswerModel, Row, Sealed

NewPassword = Annotated[str, StringConstraints(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]


KeepTokens = Annotated[
    bool,
    Field(description="Whether personal access tokens stay: say so only if you know each of them."),
]

LinkToken = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""What stands behind `#token=` in a link."""


class Registration(RequestModel):
    """A new person."""

    email: Email
    password: NewPassword
    name: Name | None = None
    invitation: Annotated[
        LinkToken | None,
        Field(description="Token of an invitation's link: the person joins that organization."),
    ] = None


class RefreshRequest(RequestModel):
    """A refresh token, good once."""

    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Tokens(AnswerModel):
    """What a sign-in gives."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(description="Seconds until the access token expires.")]


class OrganizationName(AnswerModel):
    """An organization, in short."""

    id: UUID
    name: str


class Membership(AnswerModel):
    """A place in an organization."""

    organization: OrganizationName
    role: Literal["owner", "admin", "member", "viewer"]


class Me(Sealed):
    """A person."""

    id: UUID
    email: str | None
    name: str | None
    is_admin: bool
    memberships: list[Membership]


class Registered(Tokens):
    """A new person, signed in."""

    user: Me
    organization: OrganizationName


class NewOrganization(RequestModel):
    """A further organization."""

    name: Name


class OrganizationChange(RequestModel):
    """What to change; fields left out stay."""

    name: Name = ""


class Organization(Row):
    """A household or a company."""

    name: str


class OrganizationList(AnswerModel):
    """The caller's organizations."""

    items: list[Membership]
    next: None
