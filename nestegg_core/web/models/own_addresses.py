"""Lost passwords, and proof of addresses."""

from typing import Annotated

from pydantic import Field

from nestegg_core.web.fields import Email, RequestModel
from nestegg_core.web.models.common import AnswerModel
from nestegg_core.web.models.people import KeepTokens, LinkToken, NewPassword


class LostPassword(RequestModel):
    """Whose password is lost."""

    email: Email


class PasswordReset(RequestModel):
    """The token of a link, and the new password."""

    token: LinkToken
    password: NewPassword
    keep_personal_tokens: KeepTokens = False


class AddressProof(RequestModel):
    """The token of a link that was mailed."""

    token: LinkToken


class ResetLink(AnswerModel):
    """A link that lets a person choose a new password."""

    link: Annotated[str, Field(description="Good once, for an hour; shown this once.")]
    mailed: Annotated[bool, Field(description="Whether the person gets it by mail as well.")]
