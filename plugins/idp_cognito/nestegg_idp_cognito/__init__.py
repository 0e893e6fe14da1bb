"""Sign-in with AWS Cognito: access or ID tokens of a user pool."""

from collections.abc import Sequence

from pydantic import Field

from nestegg_core import CommaList, IdentityProviderRegistration, PluginContext, hookimpl
from nestegg_core.auth.oidc import (
    AtLeastOne,
    Claims,
    IssuerSettings,
    OidcProfile,
    OidcProvider,
    ProviderUrl,
    audiences,
    check_id_token,
    prefixed,
    provider_for,
)


class CognitoSettings(IssuerSettings):
    """The variables of this provider; `IDP_COGNITO_ISSUER` and `IDP_COGNITO_CLIENT_ID` are
    required.
    """

    model_config = prefixed("idp_cognito_")

    issuer: ProviderUrl = Field(
        description="The user pool's issuer: https://cognito-idp.<region>.amazonaws.com/<pool>."
    )
    client_id: AtLeastOne = Field(
        description="Ids of the app clients whose tokens are taken, with commas."
    )
    audience: CommaList = Field(
        default=(),
        description="Resource identifiers of this API, if apps ask for tokens bound to it; "
        "access tokens must then name one.",
    )
    groups_claim: str | None = Field(
        default="cognito:groups", description="Dotted path of the claim with the groups."
    )


def check(profile: OidcProfile, claims: Claims, header: Claims) -> str | None:
    """Tell the kinds of token apart by `token_use`.

    Access tokens name their application in `client_id` and normally have no `aud`. Where they
    have one they are bound to a resource, which must be this API.
    """
    kind = claims.get("token_use")
    if kind == "id":
        return check_id_token(profile, claims, header)
    if kind != "access":
        return "token_use is neither access nor id"
    if claims.get("client_id") not in profile.client_ids:
        return "client_id names another application"
    audience = audiences(claims)
    if profile.audiences and not audience & set(profile.audiences):
        return "aud does not name this API"
    if "aud" in claims and not audience & profile.parties:
        return "aud names another API"
    return None


def make(context: PluginContext[CognitoSettings]) -> OidcProvider:
    """Make the provider from its settings."""
    profile = context.settings.profile("cognito", check=check, bearer="access_token")
    return provider_for(profile, context)


@hookimpl
def nestegg_identity_providers() -> Sequence[IdentityProviderRegistration]:
    """Offer the provider `cognito`."""
    return [IdentityProviderRegistration("cognito", CognitoSettings, make)]
