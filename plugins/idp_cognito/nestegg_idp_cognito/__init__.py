"""Sign-in with AWS Cognito: access or ID tokens of a user pool."""

from collections.abc import Sequence

from pydantic import Field

from nestegg_core import CommaList, IdentityProviderRegistration, PluginContext, hookimpl
from nestegg_core.identity.oidc import (
    AtLeastOne,
    Claims,
    OidcProfile,
    OidcProvider,
    OidcSettings,
    ProviderUrl,
    audiences,
    check_id_token,
    provider_for,
)


class CognitoSettings(OidcSettings):
    """The variables of this provider; the first two are required."""

    idp_cognito_issuer: ProviderUrl = Field(
        description="The user pool's issuer: https://cognito-idp.<region>.amazonaws.com/<pool>."
    )
    idp_cognito_client_id: AtLeastOne = Field(
        description="Ids of the app clients whose tokens are taken, with commas."
    )
    idp_cognito_audience: CommaList = Field(
        default=(),
        description="Resource identifiers of this API, if apps ask for tokens bound to it; "
        "access tokens must then name one.",
    )
    idp_cognito_admin_group: str | None = Field(
        default=None, description="Group whose members administer the instance."
    )
    idp_cognito_groups_claim: str = Field(
        default="cognito:groups", description="Dotted path of the claim with the groups."
    )
    idp_cognito_discovery_url: ProviderUrl | None = Field(
        default=None, description="Where discovery is fetched, if not below the issuer."
    )
    idp_cognito_jwks_url: ProviderUrl | None = Field(
        default=None, description="Where the keys are fetched, if discovery is not to be asked."
    )
    idp_cognito_provision: bool = Field(
        default=True, description="Create people when they first sign in."
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
    settings = context.settings
    profile = OidcProfile(
        name="cognito",
        issuers=(settings.idp_cognito_issuer,),
        client_ids=settings.idp_cognito_client_id,
        audiences=settings.idp_cognito_audience,
        check=check,
        groups_claims=(settings.idp_cognito_groups_claim,),
        admin_group=settings.idp_cognito_admin_group,
        discovery_url=settings.idp_cognito_discovery_url,
        jwks_url=settings.idp_cognito_jwks_url,
        may_provision=settings.idp_cognito_provision,
    )
    return provider_for(profile, context)


@hookimpl
def nestegg_identity_providers() -> Sequence[IdentityProviderRegistration]:
    """Offer the provider `cognito`."""
    return [IdentityProviderRegistration("cognito", CognitoSettings, make)]
