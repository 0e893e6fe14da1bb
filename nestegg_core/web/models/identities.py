"""Identity providers: how apps sign people in with them, and one's identities there."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from nestegg_core.web.fields import RequestModel
from nestegg_core.web.middleware.authentication import MAX_TOKEN
from nestegg_core.web.models.common import AnswerModel, Sealed
from nestegg_core.web.models.sign_in import Password

Url = Annotated[str | None, Field(description="Null where it is not known at present.")]


class Provider(AnswerModel):
    """One way to sign in."""

    name: str
    kind: Annotated[
        Literal["password", "oidc", "other"],
        Field(
            description="password: `POST /auth/login` here. oidc: authorization code with PKCE at "
            "the provider. other: the provider does not say."
        ),
    ]
    issuer: str
    available: Annotated[
        bool, Field(description="False while the provider cannot be asked for its endpoints.")
    ]
    authorization_endpoint: Url
    token_endpoint: Url
    client_id: Annotated[str | None, Field(description="The first of `client_ids`.")]
    client_ids: list[str]
    scopes: list[str]
    bearer: Annotated[
        Literal["access_token", "id_token"] | None,
        Field(description="Which token the app sends here as bearer."),
    ]
    registration: Annotated[
        Literal["open", "invite", "closed"] | None,
        Field(description="Who may register with a password."),
    ]


class ProviderList(AnswerModel):
    """The providers, in the order in which they see a token."""

    items: list[Provider]
    next: None


class NewIdentity(RequestModel):
    """An identity to link."""

    token: Annotated[
        str,
        StringConstraints(min_length=1, max_length=MAX_TOKEN, pattern="^[!-~]+$"),
        Field(description="A bearer token that another provider issued to the same person."),
    ]
    password: Annotated[
        Password | None,
        Field(description="The caller's own, asked for again; left out by who has none here."),
    ] = None


class OwnIdentity(Sealed):
    """An identity of the caller's at a provider."""

    id: UUID
    provider: Annotated[
        str | None, Field(description="Null while the provider is not in the server's chain.")
    ]
    issuer: str
    subject: str
    email: str | None
    created_at: datetime


class OwnIdentityList(AnswerModel):
    """The caller's identities, the oldest first."""

    items: list[OwnIdentity]
    next: None
