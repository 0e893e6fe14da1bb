"""Personal access tokens."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from nestegg_core.people.permissions import GRANTABLE
from nestegg_core.people.personal_tokens import DEFAULT_DAYS, MAX_DAYS
from nestegg_core.web.fields import Label, RequestModel
from nestegg_core.web.models.common import AnswerModel, Next, Sealed
from nestegg_core.web.models.sign_in import Password, SecondFactorCode


def _grantable(value: str) -> str:
    if value not in GRANTABLE:
        raise PydanticCustomError(
            "unknown_scope", "must be a scope that a personal access token can be given"
        )
    return value


Scope = Annotated[
    str,
    AfterValidator(_grantable),
    WithJsonSchema({"type": "string", "enum": sorted(GRANTABLE)}),
]


class NewPersonalToken(RequestModel):
    """A token to make."""

    name: Annotated[Label, Field(description="What it is for, so that one knows it again.")]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(GRANTABLE))]
    expires_in_days: Annotated[int, Field(ge=1, le=MAX_DAYS)] = DEFAULT_DAYS
    password: Annotated[
        Password | None,
        Field(description="One's own; it or a code is needed ten minutes after signing in."),
    ] = None
    code: SecondFactorCode | None = None


class PersonalToken(Sealed):
    """A token, as far as it can be shown."""

    id: UUID
    name: str | None
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: Annotated[
        datetime | None, Field(description="To within a few minutes; null if it never was.")
    ]


class MadePersonalToken(PersonalToken):
    """A new token."""

    token: Annotated[str, Field(description="Shown this once.")]


class PersonalTokenPage(AnswerModel):
    """One's tokens, the newest first."""

    items: list[PersonalToken]
    next: Next
