"""What the settings of all OIDC providers have in common, and the factory's last step."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from nestegg_core.auth.oidc.discovery import url_problem
from nestegg_core.auth.oidc.profile import OidcProfile
from nestegg_core.auth.oidc.verifier import OidcProvider
from nestegg_core.contracts.context import PluginContext
from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.settings.types import CommaList, invalid


def _check_url(value: str, info: ValidationInfo) -> str:
    loopback = bool(info.data.get("oidc_allow_loopback_http"))
    problem = url_problem(value, allow_loopback_http=loopback)
    if problem is not None:
        raise invalid(problem, "give the https:// address that the provider states")
    return value


def _check_any(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise invalid("names nothing", "give one, or several with commas between them")
    return value


def _check_domains(value: tuple[str, ...]) -> tuple[str, ...]:
    domains = tuple(item.lower() for item in value)
    if not all(_DOMAIN.fullmatch(item) for item in domains):
        raise invalid(
            "has an item that is no domain",
            "write what stands behind the @, e.g. example.org, with commas between several; of a "
            "domain with letters beyond a to z, its form that begins with xn--",
        )
    return domains


_DOMAIN = re.compile(r"(?!-)[a-z0-9-]+(\.[a-z0-9-]+)+")

LinkDomains = Annotated[CommaList, AfterValidator(_check_domains)]
"""A field's type for domains of email addresses, which are kept in lower case."""

ProviderUrl = Annotated[str, AfterValidator(_check_url)]
"""A field's type for issuers and addresses: https, or http on loopback where that is allowed.

The value is kept as written: issuers are compared to the letter.
"""

AtLeastOne = Annotated[CommaList, AfterValidator(_check_any)]
"""A field's type for a comma list that must not be empty, e.g. client ids."""


class OidcSettings(BaseSettings):
    """The base of every OIDC provider's settings.

    Fields are named like the variables, in lower case: `idp_acme_issuer: ProviderUrl` is
    `IDP_ACME_ISSUER`.
    """

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    # First, so that the URLs of derived classes can look at it.
    oidc_allow_loopback_http: bool = Field(
        default=False,
        validation_alias="oidc_allow_loopback_http",  # one variable for all providers
        description="Allow http:// addresses on loopback, for development. Refused in production.",
    )


def prefixed(prefix: str) -> SettingsConfigDict:
    """Return the `model_config` with which fields are set by variables that begin with a prefix.

    Example:
        >>> class AcmeSettings(IssuerSettings):
        ...     model_config = prefixed("idp_acme_")
        >>> settings = AcmeSettings.model_validate(
        ...     {"idp_acme_issuer": "https://id.acme.example", "idp_acme_client_id": "web,phone"}
        ... )
        >>> profile = settings.profile("acme")
        >>> profile.issuers, profile.client_ids, profile.groups_claims
        (('https://id.acme.example',), ('web', 'phone'), ('groups',))
    """
    return SettingsConfigDict(alias_generator=lambda name: prefix + name)


class ClientSettings(OidcSettings):
    """What operators can set for every vendor, whose issuer the plugin knows.

    A plugin derives a class with `model_config = prefixed("idp_acme_")`, and declares again what
    has another description or default there. `issuers` is then an argument of `profile`.
    """

    client_id: AtLeastOne = Field(
        description="Client ids of the applications whose tokens are taken, with commas."
    )
    audience: CommaList = Field(
        default=(), description="Audiences of this API; access tokens must then name one."
    )
    admin_group: str | None = Field(
        default=None, description="Group whose members administer the instance."
    )
    groups_claim: str | None = Field(
        default="groups", description="Dotted path of the claim with the groups."
    )
    discovery_url: ProviderUrl | None = Field(
        default=None, description="Where discovery is fetched, if not below the issuer."
    )
    jwks_url: ProviderUrl | None = Field(
        default=None, description="Where the keys are fetched, if discovery is not to be asked."
    )
    provision: bool = Field(
        default=False,
        description="Create users when they first sign in: whoever the provider has an account "
        "for. Else they need an invitation, or an address that is linked.",
    )
    link_domains: LinkDomains = Field(
        default=(),
        description="Domains whose email addresses are this provider's to vouch for, with commas. "
        "Whoever first signs in with a verified address there gets the account here that has "
        "verified the same address.",
    )

    def profile(self, name: str, **particular: Any) -> OidcProfile:
        """Return the vendor with these settings.

        Args:
            name: what operators write in `IDENTITY_PROVIDER_CHAIN`.
            particular: further fields of `OidcProfile`, which win over those from the settings.
        """
        common = {
            "client_ids": self.client_id,
            "audiences": self.audience,
            "groups_claims": (self.groups_claim,) if self.groups_claim else (),
            "admin_group": self.admin_group,
            "discovery_url": self.discovery_url,
            "jwks_url": self.jwks_url,
            "may_provision": self.provision,
            "link_domains": self.link_domains,
        }
        return OidcProfile(name=name, **{**common, **particular})


class _Issuer(OidcSettings):
    issuer: ProviderUrl = Field(description="The issuer, as the tokens' `iss` has it.")


class IssuerSettings(ClientSettings, _Issuer):
    """`ClientSettings` of a vendor that each customer reaches at an issuer of their own."""

    def profile(self, name: str, **particular: Any) -> OidcProfile:
        """Return the vendor with these settings; see `ClientSettings.profile`."""
        return super().profile(name, **{"issuers": (self.issuer,), **particular})


def provider_for(profile: OidcProfile, context: PluginContext[Any]) -> OidcProvider:
    """Make the provider that a plugin's factory returns. Touches no network.

    Args:
        profile: the vendor with the operator's settings.
        context: what the factory got; its settings derive from `OidcSettings`.

    Raises:
        ConfigurationError: loopback http is switched on in production.
    """
    settings: OidcSettings = context.settings
    if settings.oidc_allow_loopback_http and context.environment == "production":
        raise ConfigurationError(
            [
                Problem(
                    "OIDC_ALLOW_LOOPBACK_HTTP",
                    "is refused in production",
                    "unset it, and give every identity provider an https:// address",
                )
            ]
        )
    return OidcProvider(
        profile,
        clock=context.clock,
        allow_loopback_http=settings.oidc_allow_loopback_http,
    )
