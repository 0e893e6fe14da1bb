"""Members of an organization."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from nestegg_core.api.fields import PageQuery, RequestModel
from nestegg_core.api.operation import ORGANIZATION, Answer, Call, operation
from nestegg_core.api.resources.common import GONE, AnswerModel, Next, Sealed
from nestegg_core.users.members import Members

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


class MemberResource:
    """`/members`."""

    def __init__(self, members: Members) -> None:
        self._members = members

    @operation("GET", COLLECTION, permission="members:read", query=PageQuery, answer=MemberPage)
    def list(self, call: Call) -> Answer:
        """List who belongs to the organization, and as what."""
        items, after = self._members.page(call.tx, limit=call.query.limit, after=call.after)
        return Answer({"items": items}, after=after)

    @operation("GET", ONE, permission="members:read", answer=Member)
    def read(self, call: Call) -> Answer:
        """Read a member."""
        return Answer(self._members.read(call.tx, call.params["user_id"]))

    @operation("PATCH", ONE, permission="members:write", body=MemberChange, answer=Member)
    def change(self, call: Call) -> Answer:
        """Give a member another role, at most one's own; an owner, only owners can change.

        The last owner stays one. A role that a provider's groups give is changed there.
        """
        return Answer(
            self._members.change(
                call.tx,
                call.caller.user_id,
                call.params["user_id"],
                call.version,
                call.body.role,
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
        self._members.remove(call.tx, caller_id, user_id, call.version)
        return GONE
