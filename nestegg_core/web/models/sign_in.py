"""The built-in sign-in and what makes it safe: passwords, second factors, sessions."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from nestegg_core.people.passwords import MAX_LENGTH
from nestegg_core.web.fields import RequestModel
from nestegg_core.web.models.common import AnswerModel, Next, Sealed
from nestegg_core.web.models.people import KeepTokens, NewPassword, Tokens

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
