"""Sign-in with Google: ID tokens."""

from collections.abc import Callable, Sequence

from pydantic import Field

from nestegg_core import CommaList, IdentityProviderRegistration, PluginContext, hookimpl
from nestegg_core.auth.oidc import (
    AtLeastOne,
    Claims,
    ClientSettings,
    OidcProfile,
    OidcProvider,
    ProviderUrl,
    check_id_token,
    email_is_verified,
    prefixed,
    provider_for,
)

# The canonical issuer, which is stored, and the form that some tokens still have.
ISSUERS = ("https://accounts.google.com", "accounts.google.com")


class GoogleSettings(ClientSettings):
    """The variables of this provider; `IDP_GOOGLE_CLIENT_ID` is required."""

    model_config = prefixed("idp_google_")

    client_id: AtLeastOne = Field(
        description="OAuth client ids of all apps that sign users in, with commas."
    )
    audience: CommaList = Field(
        default=(), description="Further client ids that tokens may be made for, with commas."
    )
    admin_group: str | None = Field(
        default=None,
        description="Group whose members administer the instance; Google itself sends no groups.",
    )
    discovery_url: ProviderUrl | None = Field(
        default=None, description="Where discovery is fetched, if not at Google."
    )
    provision: bool = Field(
        default=False,
        description="Create users when they first sign in. Without hosted domains that is anybody "
        "in the world: everybody has or gets a Google account.",
    )
    hosted_domain: CommaList = Field(
        default=(), description="Workspace domains whose accounts alone are let in, with commas."
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
    once and may belong to another user by now.
    """
    if not email_is_verified(claims):
        return False
    return str(claims.get("email")).lower().endswith("@gmail.com") or bool(_hosted_domain(claims))


def _hosted_domain(claims: Claims) -> str:
    domain = claims.get("hd")
    # In lower case some letters turn into letters of ASCII: such a domain is another one.
    return domain.lower() if isinstance(domain, str) and domain.isascii() else ""


def make(context: PluginContext[GoogleSettings]) -> OidcProvider:
    """Make the provider from its settings."""
    profile = context.settings.profile(
        "google",
        issuers=ISSUERS,
        spellings={ISSUERS[1]: ISSUERS[0]},
        check=checker(context.settings.hosted_domain),
        email_is_verified=email_is_authoritative,
    )
    return provider_for(profile, context)


@hookimpl
def nestegg_identity_providers() -> Sequence[IdentityProviderRegistration]:
    """Offer the provider `google`."""
    return [IdentityProviderRegistration("google", GoogleSettings, make)]
