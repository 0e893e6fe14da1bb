"""Sign-in with Okta: access tokens of a custom authorization server, or ID tokens."""

from collections.abc import Sequence

from pydantic import Field

from nestegg_core import CommaList, IdentityProviderRegistration, PluginContext, hookimpl
from nestegg_core.auth.oidc import (
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


class OktaSettings(IssuerSettings):
    """The variables of this provider; `IDP_OKTA_ISSUER` and `IDP_OKTA_CLIENT_ID` are required."""

    model_config = prefixed("idp_okta_")

    issuer: ProviderUrl = Field(
        description="The issuer as the tokens name it: https://<org>/oauth2/<server>, or "
        "https://<org> for ID tokens of the org server."
    )
    audience: CommaList = Field(
        default=(),
        description="Audiences of the authorization server; access tokens must then name one.",
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

    Tokens of machines (client credentials) have no `uid`, and so name no user.
    """
    return claims.get("uid") if "cid" in claims else claims.get("sub")


def make(context: PluginContext[OktaSettings]) -> OidcProvider:
    """Make the provider from its settings."""
    # Access tokens of the org server, whose issuer has no path, are meant for Okta alone.
    custom = "/oauth2/" in context.settings.issuer
    bearer = "access_token" if custom else "id_token"
    profile = context.settings.profile("okta", check=check, subject=subject, bearer=bearer)
    return provider_for(profile, context)


@hookimpl
def nestegg_identity_providers() -> Sequence[IdentityProviderRegistration]:
    """Offer the provider `okta`."""
    return [IdentityProviderRegistration("okta", OktaSettings, make)]
