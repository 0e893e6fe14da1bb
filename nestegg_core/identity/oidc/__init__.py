"""The documented base for OpenID Connect providers, for plugins of this project and of others.

A plugin describes its vendor in an `OidcProfile`, its variables in a class derived from
`OidcSettings`, and hands both to `provider_for` in its factory. Signatures, keys, discovery and
the checks that every token needs are done here, once.

Example:
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

from nestegg_core.identity.oidc.cache import KeyPolicy
from nestegg_core.identity.oidc.claims import Claims, audiences, claim_at, email_is_verified
from nestegg_core.identity.oidc.profile import OidcProfile, check_id_token
from nestegg_core.identity.oidc.settings import (
    AtLeastOne,
    OidcSettings,
    ProviderUrl,
    provider_for,
)
from nestegg_core.identity.oidc.verifier import OidcProvider

__all__ = [
    "AtLeastOne",
    "Claims",
    "KeyPolicy",
    "OidcProfile",
    "OidcProvider",
    "OidcSettings",
    "ProviderUrl",
    "audiences",
    "check_id_token",
    "claim_at",
    "email_is_verified",
    "provider_for",
]
