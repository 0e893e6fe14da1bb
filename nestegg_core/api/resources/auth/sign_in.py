"""The built-in sign-in and what makes it safe: passwords, second factors, sessions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from nestegg_core.api.fields import AnswerModel, Next, RequestModel, Sealed
from nestegg_core.api.middleware.client_address import ClientAddresses
from nestegg_core.api.operation import PREFIX, Answer, Call, operation
from nestegg_core.api.resources import me as models
from nestegg_core.api.resources.me import KeepTokens, NewPassword, Tokens
from nestegg_core.auth.builtin.passwords import MAX_LENGTH
from nestegg_core.auth.builtin.sessions import Sessions, TokenPair
from nestegg_core.auth.builtin.sign_in import PasswordSignIn, Registration
from nestegg_core.users.users import Users

Password = Annotated[str, StringConstraints(max_length=MAX_LENGTH)]
SecondFactorCode = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    Field(description="Six digits of the authenticator, or a recovery code."),
]


class SignIn(RequestModel):
    """An email and its password, and a code where a second factor is on."""

    email: Annotated[str, StringConstraints(max_length=254)]
    password: Password
    code: SecondFactorCode | None = None


class SignedIn(Tokens):
    """What a sign-in gives."""

    recovery_codes_left: Annotated[
        int | None, Field(description="There only after a sign-in with a recovery code.")
    ] = None


class PasswordChange(RequestModel):
    """The present password, and the one to have from now on."""

    old_password: Password
    new_password: NewPassword
    keep_personal_tokens: KeepTokens = False


class NewPasswordSet(AnswerModel):
    """What has ended with the old password."""

    sessions_ended: Annotated[int, Field(description="Without the one of this request.")]
    personal_tokens_ended: int


class PasswordProof(RequestModel):
    """The present password, asked for again."""

    password: Password


class CodeProof(RequestModel):
    """A code of the authenticator."""

    code: SecondFactorCode


class PasswordAndCode(RequestModel):
    """The present password, and a code."""

    password: Password
    code: SecondFactorCode


class SecondFactor(AnswerModel):
    """Whether a sign-in asks for a code too."""

    enabled: bool
    enabled_at: datetime | None
    recovery_codes_left: int


class SecondFactorSetup(AnswerModel):
    """A second factor that has yet to be confirmed."""

    secret: Annotated[str, Field(description="Base32, to type in. Shown this once.")]
    uri: Annotated[str, Field(description="The same as an `otpauth` address, for a QR code.")]


class RecoveryCodes(AnswerModel):
    """Codes that sign in once each in place of a lost authenticator."""

    recovery_codes: Annotated[list[str], Field(description="Shown this once.")]


class Session(Sealed):
    """A place where one is signed in."""

    id: UUID
    current: Annotated[bool, Field(description="Whether this request belongs to it.")]
    user_agent: str | None
    address: Annotated[str | None, Field(description="IP address of its last use.")]
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


class SessionPage(AnswerModel):
    """One's sessions, the newest first."""

    items: list[Session]
    next: Next


@dataclass(frozen=True, slots=True)
class Auth:
    registration: Registration
    users: Users
    sessions: Sessions
    sign_in: PasswordSignIn
    addresses: ClientAddresses

    @operation(
        "POST",
        PREFIX + "/auth/register",
        public=True,
        body=models.Registration,
        answer=models.Registered,
        status=201,
        refusals=(403,),
    )
    def register(self, call: Call) -> Answer:
        """Register a user, and sign them in.

        They get an organization of their own, or with an invitation join the one that invites
        them. Where the server asks for an invitation, or lets nobody register, the answer is 403
        with the type `invitation-required`, `invitation-invalid` or `registration-closed`.
        """
        body = call.body
        device = self.addresses.device(call.request)
        new = self.registration.register(
            body.email, body.password, body.name, body.invitation, device
        )
        pair = self.sessions.open(new.user_id, device)
        user = self.users.read(new.user_id)
        content = {
            "user": user,
            "organization": user["memberships"][0]["organization"],
            **_tokens(pair),
        }
        return Answer(content, status=201, cacheable=False)

    @operation("POST", PREFIX + "/auth/login", public=True, body=SignIn, answer=SignedIn)
    def login(self, call: Call) -> Answer:
        """Sign in with email and password, and a code where a second factor is on.

        Without that code the answer is 401 with the type `second-factor-required`.
        """
        body, device = call.body, self.addresses.device(call.request)
        signed_in = self.sign_in.with_password(body.email, body.password, body.code, device)
        content = _tokens(signed_in.tokens)
        if signed_in.recovery_codes_left is not None:
            content["recovery_codes_left"] = signed_in.recovery_codes_left
        return Answer(content, cacheable=False)

    @operation(
        "POST",
        PREFIX + "/auth/refresh",
        public=True,
        body=models.RefreshRequest,
        answer=models.Tokens,
    )
    def refresh(self, call: Call) -> Answer:
        """Spend a refresh token for a new pair; a second use ends the session."""
        device = self.addresses.device(call.request)
        pair = self.sessions.refresh(call.body.refresh_token, device)
        return Answer(_tokens(pair), cacheable=False)


@dataclass(frozen=True, slots=True)
class SignOut:
    sessions: Sessions

    @operation("POST", PREFIX + "/auth/logout", answer=None, status=204, checks_standing=False)
    def logout(self, call: Call) -> Answer:
        """Sign out: the token, and its session, are worth nothing from now on."""
        self.sessions.sign_out(call.caller, call.request.context.expires_at)
        return Answer(None, status=204)


def _tokens(pair: TokenPair) -> dict[str, Any]:
    return {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
    }
