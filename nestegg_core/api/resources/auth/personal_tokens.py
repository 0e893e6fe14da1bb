"""Personal access tokens."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from nestegg_core.api.fields import AnswerModel, Label, Next, PageQuery, RequestModel, Sealed
from nestegg_core.api.operation import GONE, PREFIX, Answer, Call, operation, page_answer
from nestegg_core.api.resources.auth.sign_in import Password, SecondFactorCode
from nestegg_core.auth.builtin.personal_tokens import DEFAULT_DAYS, MAX_DAYS, PersonalTokens
from nestegg_core.auth.builtin.sign_in import RecentProof
from nestegg_core.users.roles import GRANTABLE


def _grantable(value: str) -> str:
    if value not in GRANTABLE:
        raise PydanticCustomError(
            "unknown_scope", "must be a scope that a personal access token can be given"
        )
    return value


Scope = Annotated[
    str, AfterValidator(_grantable), WithJsonSchema({"type": "string", "enum": sorted(GRANTABLE)})
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


COLLECTION = PREFIX + "/me/tokens"
ONE = COLLECTION + "/{token_id:uuid}"


@dataclass(frozen=True, slots=True)
class PersonalTokenResource:
    personal_tokens: PersonalTokens
    proof: RecentProof

    @operation("GET", COLLECTION, query=PageQuery, answer=PersonalTokenPage)
    def tokens(self, call: Call) -> Answer:
        """List one's personal access tokens, those that the operator made included."""
        return page_answer(
            self.personal_tokens.page(call.caller.user_id, limit=call.query.limit, after=call.after)
        )

    @operation("POST", COLLECTION, body=NewPersonalToken, answer=MadePersonalToken, status=201)
    def create_token(self, call: Call) -> Answer:
        """Make a personal access token; the answer shows it this once.

        More than ten minutes after signing in one's password or a code is needed too: without, the
        answer is 401 with the type `recent-sign-in-required`.
        """
        body = call.body
        self.proof.require(call.caller, body.password, body.code)
        lifetime = timedelta(days=body.expires_in_days)
        issued = self.personal_tokens.grant(call.caller, body.name, body.scopes, lifetime)
        return Answer({**issued.row, "token": issued.token}, status=201, cacheable=False)

    @operation("DELETE", ONE, answer=None, status=204)
    def delete_token(self, call: Call) -> Answer:
        """Revoke a personal access token, which is worth nothing from now on."""
        self.personal_tokens.revoke(call.caller.user_id, call.params["token_id"])
        return GONE
