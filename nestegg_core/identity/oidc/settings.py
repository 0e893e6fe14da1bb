"""What the settings of all OIDC providers have in common, and the factory's last step."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from nestegg_core.contracts.context import PluginContext
from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.identity.oidc.fetch import url_problem
from nestegg_core.identity.oidc.profile import OidcProfile
from nestegg_core.identity.oidc.verifier import OidcProvider
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
        description="Allow http:// addresses on loopback, for development. Refused in production.",
    )


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
