"""Sign-in with Okta: access tokens of a custom authorization server, or ID tokens."""

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


class OktaSettings(OidcSettings):
    """The variables of this provider; the first two are required."""

    idp_okta_issuer: ProviderUrl = Field(
        description="The issuer as the tokens name it: https://<org>/oauth2/<server>, or "
        "https://<org> for ID tokens of the org server."
    )
    idp_okta_client_id: AtLeastOne = Field(
        description="Client ids of the applications whose tokens are taken, with commas."
    )
    idp_okta_audience: CommaList = Field(
        default=(),
        description="Audiences of the authorization server; access tokens must then name one.",
    )
    idp_okta_admin_group: str | None = Field(
        default=None, description="Group whose members administer the instance."
    )
    idp_okta_groups_claim: str = Field(
        default="groups", description="Dotted path of the claim with the groups."
    )
    idp_okta_discovery_url: ProviderUrl | None = Field(
        default=None, description="Where discovery is fetched, if not below the issuer."
    )
    idp_okta_jwks_url: ProviderUrl | None = Field(
        default=None, description="Where the keys are fetched, if discovery is not to be asked."
    )
    idp_okta_provision: bool = Field(
        default=True, description="Create people when they first sign in."
    )


def check(profile: OidcProfile, claims: Claims, header: Claims) -> str | None:
    """Tell the two kinds of token apart by `cid`, which only access tokens have.

    Each authorization server has one audience, so that the issuer implies it where the operator
    configures none.
    """
    if "cid" not in claims:
        return check_id_token(profile, claims, header)
    if claims["cid"] not in profile.client_ids:
        return "cid names another application"
    audience = audiences(claims)
    if not audience:
        return "aud is missing"
    if profile.audiences and not audience & set(profile.audiences):
        return "aud does not name this API"
    return None


def subject(claims: Claims) -> object:
    """Take the user's id. In access tokens `sub` is the login, which can be changed.

    Tokens of machines (client credentials) have no `uid`, and so name no person.
    """
    return claims.get("uid") if "cid" in claims else claims.get("sub")


def make(context: PluginContext[OktaSettings]) -> OidcProvider:
    """Make the provider from its settings."""
    settings = context.settings
    profile = OidcProfile(
        name="okta",
        issuers=(settings.idp_okta_issuer,),
        client_ids=settings.idp_okta_client_id,
        audiences=settings.idp_okta_audience,
        check=check,
        subject=subject,
        groups_claims=(settings.idp_okta_groups_claim,),
        admin_group=settings.idp_okta_admin_group,
        discovery_url=settings.idp_okta_discovery_url,
        jwks_url=settings.idp_okta_jwks_url,
        may_provision=settings.idp_okta_provision,
    )
    return provider_for(profile, context)


@hookimpl
def nestegg_identity_providers() -> Sequence[IdentityProviderRegistration]:
    """Offer the provider `okta`."""
    return [IdentityProviderRegistration("okta", OktaSettings, make)]
