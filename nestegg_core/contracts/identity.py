"""Identity providers: whose token is this, and may it be believed?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable
from uuid import UUID

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from nestegg_core.contracts.context import PluginContext
    from nestegg_core.contracts.operations import Diagnosis


@dataclass(frozen=True, slots=True)
class Identity:
    """What a verified token says of a user.

    The core checks every field of an identity that comes from outside: one that has expired is
    refused (401), and whatever else is not as it says here is the plugin's fault (500). Texts hold
    no control characters and no lone surrogates.

    Attributes:
        provider: name of the provider that verified the token, as it is registered.
        issuer: one of the provider's `issuers`; with `subject` the only key of a user (never the
            email). The token's own, except where a vendor spells one issuer in several ways.
        subject: the provider's stable key for the user, of at most 255 characters.
        expires_at: the moment from which the token is worthless, aware, in UTC.
        email: may be absent, and need not be unique; at most 320 characters.
        email_verified: true only when the provider says so; absent means false.
        name: what the user is called, if the provider tells; at most 320 characters.
        groups: group or role names as the provider gives them, each of at most 320 characters.
        is_admin: whether the token makes its bearer an administrator of the instance.
        session_id: the built-in provider's session; `None` for every other provider.
        may_provision: whether a user who was never seen before may be created from this
            token. False unless the operator says so, for each provider.
        may_link: whether a user here who has verified the very same address may be signed in by
            this token at first sight. Only where the provider has verified the email, and the
            operator says that the address's domain is the provider's to vouch for.
        authenticated_at: when the user last verified to the provider who they are, aware; `None`
            where it is not known. What outlives a session asks that it is not long ago.

    Example:
        >>> from datetime import UTC, datetime
        >>> Identity("okta", "https://id.example", "u1", datetime(2030, 1, 1, tzinfo=UTC)).is_admin
        False
    """

    provider: str
    issuer: str
    subject: str
    expires_at: datetime
    email: str | None = field(default=None, repr=False)
    email_verified: bool = False
    name: str | None = field(default=None, repr=False)
    groups: frozenset[str] = frozenset()
    is_admin: bool = False
    session_id: UUID | None = None
    may_provision: bool = False
    may_link: bool = False
    authenticated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NotMine:
    """The token names another issuer; the chain asks the next provider.

    Example:
        >>> NotMine() == NotMine()
        True
    """


@dataclass(frozen=True, slots=True)
class Valid:
    """The token is good.

    Attributes:
        identity: whose it is.

    Example:
        >>> from datetime import UTC, datetime
        >>> expiry = datetime(2030, 1, 1, tzinfo=UTC)
        >>> Valid(Identity("okta", "https://id.example", "u1", expiry)).identity.subject
        'u1'
    """

    identity: Identity


@dataclass(frozen=True, slots=True)
class Invalid:
    """The token is this provider's and must be refused: 401 `invalid_token` (RFC 6750, 3.1).

    Attributes:
        reason: for logs and the answer's `error_description`; never holds a token's content.

    Example:
        >>> Invalid("the token has expired").reason
        'the token has expired'
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The provider's keys cannot be reached, so nothing can be said: 503, never 401.

    Attributes:
        reason: for logs and the answer.

    Example:
        >>> Unavailable("the keys of okta cannot be fetched").reason
        'the keys of okta cannot be fetched'
    """

    reason: str


Verdict = NotMine | Valid | Invalid | Unavailable
"""The four answers of a provider. Only `NotMine` passes on to the next in the chain.

Example:
    >>> isinstance(Invalid("expired"), Verdict)
    True
"""


class IdentityProvider(Protocol):
    """Verifies bearer tokens of the issuers that it names. Many threads share one provider.

    OIDC providers are best built on `nestegg_core.auth.oidc`, which does all of it.

    Example:
        >>> class Nobody:
        ...     issuers = ("https://id.example",)
        ...
        ...     def authenticate(self, token):
        ...         return Invalid("nobody may sign in") if token.startswith("ey") else NotMine()
        >>> provider: IdentityProvider = Nobody()
        >>> provider.authenticate("nep_opaque")
        NotMine()
    """

    @property
    def issuers(self) -> tuple[str, ...]:
        """Every form of `iss` that is this provider's; the first is the one that is shown.

        Two providers of one chain that name the same issuer refuse the start.
        """
        ...

    def authenticate(self, token: str) -> Verdict:
        """Judge one token. Never raises, whatever stands in its place.

        Args:
            token: what came after `Bearer`: a compact JWS, or anything else.
        """
        ...


@runtime_checkable
class ExaminedProvider(IdentityProvider, Protocol):
    """An `IdentityProvider` that `nestegg doctor` can try; optional. OIDC providers of
    `nestegg_core.auth.oidc` are tried without further ado.

    Example:
        >>> class Nobody:
        ...     issuers = ("https://id.example",)
        ...
        ...     def authenticate(self, token):
        ...         return NotMine()
        ...
        ...     def examine(self):
        ...         return []
        >>> isinstance(Nobody(), ExaminedProvider)
        True
    """

    def examine(self) -> "Sequence[Diagnosis]":
        """Ask the vendor for what a token would need, and return what is wrong.

        It has ten seconds.
        """
        ...


@dataclass(frozen=True, slots=True)
class AppSignIn:
    """What an app needs to sign users in at a vendor: authorization code with PKCE (RFC 7636).

    Attributes:
        authorization_endpoint: where the app sends the browser.
        token_endpoint: where the app redeems the code.
        client_ids: ids under which apps are registered at the vendor, the usual one first.
        scopes: what the app asks for.
        bearer: which of the tokens that it gets the app sends here.

    Example:
        >>> AppSignIn("https://id.example/auth", "https://id.example/token", ("web",)).scopes
        ('openid', 'email', 'profile')
    """

    authorization_endpoint: str
    token_endpoint: str
    client_ids: tuple[str, ...]
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    bearer: Literal["access_token", "id_token"] = "id_token"


@runtime_checkable
class DescribedProvider(IdentityProvider, Protocol):
    """An `IdentityProvider` that tells apps how to sign in; optional. `GET /api/v1/auth/providers`
    shows what it says. OIDC providers of `nestegg_core.auth.oidc` are described without
    further ado.

    Example:
        >>> class Nobody:
        ...     issuers = ("https://id.example",)
        ...
        ...     def authenticate(self, token):
        ...         return NotMine()
        ...
        ...     def describe(self):
        ...         return AppSignIn("https://id.example/auth", "https://id.example/token", ())
        >>> isinstance(Nobody(), DescribedProvider)
        True
    """

    def describe(self) -> AppSignIn:
        """Ask the vendor where apps sign in. Both addresses are https.

        It has five seconds, and a thread of its own. What it returns is kept for an hour, and for
        a day more while it fails; it is not called again within thirty seconds.

        Raises:
            ProviderUnavailable: the vendor cannot be reached.
        """
        ...


@dataclass(frozen=True, slots=True)
class IdentityProviderRegistration:
    """An identity provider on offer, chosen by its name in `IDENTITY_PROVIDER_CHAIN`.

    Attributes:
        name: what operators write, e.g. `okta`.
        settings: settings class, loaded only when the provider is chosen.
        factory: makes the provider; must not touch the network.

    Example:
        >>> from pydantic_settings import BaseSettings
        >>> class OktaSettings(BaseSettings):
        ...     idp_okta_issuer: str
        >>> IdentityProviderRegistration("okta", OktaSettings, lambda context: ...).name
        'okta'
    """

    name: str
    settings: type["BaseSettings"]
    factory: Callable[["PluginContext[Any]"], IdentityProvider]
