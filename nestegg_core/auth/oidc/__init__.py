"""The documented base for OpenID Connect providers, for plugins of this project and of others.

A plugin declares its variables in a class derived from `IssuerSettings` (or `ClientSettings`, where
the vendor has one issuer for everybody), whose method `profile` makes the `OidcProfile` that
describes the vendor, and its factory hands that to `provider_for`. Signatures, keys, discovery and
the checks that every token needs are done here, once.

Example:
    All of a plugin, but for its hook:

    ```python
    class AcmeSettings(IssuerSettings):
        model_config = prefixed("idp_acme_")


    def make(context: PluginContext[AcmeSettings]) -> OidcProvider:
        return provider_for(context.settings.profile("acme"), context)
    ```

    A provider whose ID tokens follow the standard to the letter needs nothing else:

    >>> from datetime import UTC, datetime
    >>> profile = OidcProfile(
    ...     name="acme", issuers=("https://id.acme.example",), client_ids=("nest-egg",)
    ... )
    >>> provider = OidcProvider(profile, clock=lambda: datetime.now(UTC))
    >>> provider.issuers
    ('https://id.acme.example',)
    >>> provider.authenticate("not a token")
    NotMine()
"""

from nestegg_core.auth.oidc.cache import KeyPolicy
from nestegg_core.auth.oidc.claims import Claims, audiences, claim_at, email_is_verified
from nestegg_core.auth.oidc.profile import OidcProfile, check_id_token
from nestegg_core.auth.oidc.settings import (
    AtLeastOne,
    ClientSettings,
    IssuerSettings,
    OidcSettings,
    ProviderUrl,
    prefixed,
    provider_for,
)
from nestegg_core.auth.oidc.verifier import OidcProvider

__all__ = [
    "AtLeastOne",
    "Claims",
    "ClientSettings",
    "IssuerSettings",
    "KeyPolicy",
    "OidcProfile",
    "OidcProvider",
    "OidcSettings",
    "ProviderUrl",
    "audiences",
    "check_id_token",
    "claim_at",
    "email_is_verified",
    "prefixed",
    "provider_for",
]
