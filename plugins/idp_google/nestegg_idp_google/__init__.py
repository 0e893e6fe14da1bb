"""Sign-in with Google: ID tokens."""

from collections.abc import Callable, Sequence

from pydantic import Field

from nestegg_core import CommaList, IdentityProviderRegistration, PluginContext, hookimpl
from nestegg_core.identity.oidc import (
    AtLeastOne,
    Claims,
    OidcProfile,
    OidcProvider,
    OidcSettings,
    ProviderUrl,
    check_id_token,
    email_is_verified,
    provider_for,
)

# The canonical issuer, which is stored, and the form that some tokens still have.
ISSUERS = ("https://accounts.google.com", "accounts.google.com")


class GoogleSettings(OidcSettings):
    """The variables of this provider; the first is required."""

    idp_google_client_id: AtLeastOne = Field(
        description="OAuth client ids of all apps that sign people in, with commas."
    )
    idp_google_hosted_domain: CommaList = Field(
        default=(), description="Workspace domains whose accounts alone are let in, with commas."
    )
    idp_google_audience: CommaList = Field(
        default=(), description="Further client ids that tokens may be made for, with commas."
    )
    idp_google_admin_group: str | None = Field(
        default=None,
        description="Group whose members administer the instance; Google itself sends no groups.",
    )
    idp_google_groups_claim: str = Field(
        default="groups", description="Dotted path of the claim with the groups."
    )
    idp_google_discovery_url: ProviderUrl | None = Field(
        default=None, description="Where discovery is fetched, if not at Google."
    )
    idp_google_jwks_url: ProviderUrl | None = Field(
        default=None, description="Where the keys are fetched, if discovery is not to be asked."
    )
    idp_google_provision: bool | None = Field(
        default=None,
        description="Create people when they first sign in. Not set: only where hosted domains "
        "are, for anybody in the world has or gets a Google account.",
    )


def checker(domains: Sequence[str]) -> Callable[[OidcProfile, Claims, Claims], str | None]:
    """Make the check for these hosted domains; without domains every account may sign in."""
    allowed = {domain.lower() for domain in domains}

    def check(profile: OidcProfile, claims: Claims, header: Claims) -> str | None:
        problem = check_id_token(profile, claims, header)
        if problem is None and allowed and _hosted_domain(claims) not in allowed:
            return "the account is not in a hosted domain that is let in"
        return problem

    return check


def email_is_authoritative(claims: Claims) -> bool:
    """Tell whether Google owns the address or manages its domain.

    Anybody may have a Google account under an address elsewhere; such an address was verified
    once and may belong to another person by now.
    """
    if not email_is_verified(claims):
        return False
    return str(claims.get("email")).lower().endswith("@gmail.com") or bool(_hosted_domain(claims))


def _hosted_domain(claims: Claims) -> str:
    domain = claims.get("hd")
    return domain.lower() if isinstance(domain, str) else ""


def make(context: PluginContext[GoogleSettings]) -> OidcProvider:
    """Make the provider from its settings."""
    settings = context.settings
    provision = settings.idp_google_provision
    profile = OidcProfile(
        name="google",
        issuers=ISSUERS,
        client_ids=settings.idp_google_client_id,
        audiences=settings.idp_google_audience,
        check=checker(settings.idp_google_hosted_domain),
        groups_claims=(settings.idp_google_groups_claim,),
        admin_group=settings.idp_google_admin_group,
        email_is_verified=email_is_authoritative,
        discovery_url=settings.idp_google_discovery_url,
        jwks_url=settings.idp_google_jwks_url,
        may_provision=bool(settings.idp_google_hosted_domain) if provision is None else provision,
    )
    return provider_for(profile, context)


@hookimpl
def nestegg_identity_providers() -> Sequence[IdentityProviderRegistration]:
    """Offer the provider `google`."""
    return [IdentityProviderRegistration("google", GoogleSettings, make)]
