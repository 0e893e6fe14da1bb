"""Sign-in with Keycloak: access tokens of a realm."""

from collections.abc import Sequence

from pydantic import Field

from nestegg_core import IdentityProviderRegistration, PluginContext, hookimpl
from nestegg_core.auth.oidc import (
    AtLeastOne,
    Claims,
    IssuerSettings,
    OidcProfile,
    OidcProvider,
    ProviderUrl,
    audiences,
    prefixed,
    provider_for,
)

# A realm's administrator chooses among these.
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)


class KeycloakSettings(IssuerSettings):
    """The variables of this provider; `IDP_KEYCLOAK_ISSUER` and `IDP_KEYCLOAK_CLIENT_ID` are
    required.
    """

    model_config = prefixed("idp_keycloak_")

    issuer: ProviderUrl = Field(
        description="The realm's public issuer: https://<host>/realms/<realm>."
    )
    client_id: AtLeastOne = Field(
        description="Ids of the clients whose tokens are taken, with commas."
    )
    admin_group: str | None = Field(
        default=None, description="Role or group whose members administer the instance."
    )
    groups_claim: str | None = Field(
        default=None,
        description="Dotted path of the claim with the groups, instead of realm roles, roles of "
        "the clients and `groups` together.",
    )


def check(profile: OidcProfile, claims: Claims, header: Claims) -> str | None:
    """Take access tokens only: the payload's `typ` tells them from ID and refresh tokens.

    `aud` often names nothing but Keycloak's own `account`, so that `azp` counts as well, unless
    the operator has configured an audience.
    """
    del header
    if claims.get("typ") != "Bearer":
        return "typ is not Bearer: send the access token"
    audience = audiences(claims)
    if profile.audiences:
        return None if audience & set(profile.audiences) else "aud does not name this API"
    if claims.get("azp") in profile.client_ids or audience & set(profile.client_ids):
        return None
    return "neither azp nor aud names this application"


def group_forms(group: str) -> tuple[str, ...]:
    """Know a group both as `/family/admins`, as full paths are written, and without the slash."""
    return (group, group.removeprefix("/")) if group.startswith("/") else (group,)


def _groups_claims(settings: KeycloakSettings) -> tuple[str, ...]:
    if settings.groups_claim is not None:
        return (settings.groups_claim,)
    clients = (f"resource_access.{client}.roles" for client in settings.client_id)
    return ("realm_access.roles", *clients, "groups")


def make(context: PluginContext[KeycloakSettings]) -> OidcProvider:
    """Make the provider from its settings."""
    profile = context.settings.profile(
        "keycloak",
        algorithms=ALGORITHMS,
        check=check,
        groups_claims=_groups_claims(context.settings),
        group_forms=group_forms,
        bearer="access_token",
    )
    return provider_for(profile, context)


@hookimpl
def nestegg_identity_providers() -> Sequence[IdentityProviderRegistration]:
    """Offer the provider `keycloak`."""
    return [IdentityProviderRegistration("keycloak", KeycloakSettings, make)]
