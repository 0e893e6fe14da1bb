"""Signing in, and who one is."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from nestegg_core.api.fields import AnswerModel, Email, Name, RequestModel, Row, Sealed
from nestegg_core.api.idempotency import Idempotency
from nestegg_core.api.operation import ORGANIZATION, PREFIX, Answer, Call, made_answer, operation
from nestegg_core.auth.builtin.passwords import MAX_LENGTH, MIN_LENGTH
from nestegg_core.users.organizations import Organizations
from nestegg_core.users.users import Users

NewPassword = Annotated[str, StringConstraints(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]


KeepTokens = Annotated[
    bool,
    Field(description="Whether personal access tokens stay: say so only if you know each of them."),
]

LinkToken = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""What stands behind `#token=` in a link."""


class Registration(RequestModel):
    """A new user."""

    email: Email
    password: NewPassword
    name: Name | None = None
    invitation: Annotated[
        LinkToken | None,
        Field(description="Token of an invitation's link: the user joins that organization."),
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
    """A user."""

    id: UUID
    email: str | None
    name: str | None
    is_admin: bool
    memberships: list[Membership]


class Registered(Tokens):
    """A new user, signed in."""

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


@dataclass(frozen=True, slots=True)
class MeResource:
    users: Users
    organization_service: Organizations
    idempotency: Idempotency

    @operation("GET", PREFIX + "/me", answer=Me, checks_standing=False)
    def me(self, call: Call) -> Answer:
        """Read who one is, and where one belongs."""
        return Answer(self.users.me(call.caller))

    @operation("GET", PREFIX + "/organizations", answer=OrganizationList, checks_standing=False)
    def organizations(self, call: Call) -> Answer:
        """List the organizations that one belongs to."""
        return Answer({"items": self.me(call).content["memberships"]})

    @operation(
        "POST",
        PREFIX + "/organizations",
        body=NewOrganization,
        answer=Organization,
        status=201,
        founds=True,
    )
    def create(self, call: Call) -> Answer:
        """Make a further organization, and own it."""
        org_id = self.idempotency.of_new_organization(call)
        with self.organization_service.open(org_id) as tx:
            founding = replace(call, transaction=tx, params={"org_id": org_id})
            return self.idempotency.once(founding, self._found)

    def _found(self, call: Call) -> Answer:
        name = call.body.name
        made = self.organization_service.create_further(call.tx, call.caller.user_id, name)
        return made_answer(call, made)

    @operation("GET", ORGANIZATION, permission="organization:read", answer=Organization)
    def read(self, call: Call) -> Answer:
        """Read an organization."""
        return Answer(self.organization_service.read(call.tx))

    @operation(
        "PATCH",
        ORGANIZATION,
        permission="organization:write",
        body=OrganizationChange,
        answer=Organization,
    )
    def change(self, call: Call) -> Answer:
        """Change an organization."""
        return Answer(self.organization_service.change(call.tx, call.version, call.body.changes()))
