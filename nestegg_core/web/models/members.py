"""Members of an organization."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from nestegg_core.web.fields import RequestModel
from nestegg_core.web.models.common import AnswerModel, Next, Sealed

Role = Literal["owner", "admin", "member", "viewer"]


class MemberChange(RequestModel):
    """What to change."""

    role: Role


class Member(Sealed):
    """A person in an organization."""

    person_id: UUID
    email: str | None
    name: str | None
    role: Role
    granted_by: Annotated[
        str | None,
        Field(description="Issuer whose groups give the role, which is changed there; else null."),
    ]
    disabled: Annotated[bool, Field(description="Whether the person may not sign in.")]
    created_at: datetime
    updated_at: datetime
    version: Annotated[int, Field(description="Counts changes; also the answer's ETag.")]


class MemberPage(AnswerModel):
    """Members, the oldest account first."""

    items: list[Member]
    next: Next
