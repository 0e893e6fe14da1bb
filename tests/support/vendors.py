"""The four vendors, as a fake provider can play them: settings, and the tokens they issue."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nestegg_testing import FakeIdentityProvider, MovableClock, SigningKey
from support.callers import ApiCaller
from support.serving import Serve

Claims = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Vendor:
    """One provider of the guide.

    Attributes:
        name: as in `IDENTITY_PROVIDER_CHAIN`.
        issuer: of its tokens.
        settings: the guide's variables and what the tests need, without addresses.
        user: claims of each kind of token that signs a user in, by the kind's name.
        others: claims that a token of the vendor may have instead and which must be refused:
            other kinds, and those for other applications, by what they are.
    """

    name: str
    issuer: str
    settings: Mapping[str, str]
    user: Mapping[str, Claims]
    others: Mapping[str, Claims]


_WEB = {"sub": "u1", "aud": "web"}
_COGNITO = {"sub": "u1", "token_use": "access", "client_id": "web"}
_KEYCLOAK = {"sub": "u1", "typ": "Bearer", "azp": "web", "aud": "account"}
_OKTA = {"sub": "aino@example.org", "uid": "u1", "cid": "web", "aud": "api://default"}
_COGNITO_ISSUER = "https://cognito-idp.eu-north-1.amazonaws.com/eu-north-1_Example"

COGNITO = Vendor(
    "cognito",
    _COGNITO_ISSUER,
    {
        "IDP_COGNITO_ISSUER": _COGNITO_ISSUER,
        "IDP_COGNITO_CLIENT_ID": "web",
        "IDP_COGNITO_PROVISION": "true",
    },
    {"access": _COGNITO, "id": {**_WEB, "token_use": "id"}},
    {
        "access token for another app": {**_COGNITO, "client_id": "another"},
        "ID token for another app": {"sub": "u1", "token_use": "id", "aud": "another"},
        "access token bound to another API": {**_COGNITO, "aud": "https://another.example"},
        "refresh token": {**_COGNITO, "token_use": "refresh"},
        "ID token that calls itself an access token": {**_WEB, "token_use": "access"},
        "token of no kind": {"sub": "u1", "client_id": "web"},
    },
)
KEYCLOAK = Vendor(
    "keycloak",
    "https://keycloak.example.org/realms/nest-egg",
    {
        "IDP_KEYCLOAK_ISSUER": "https://keycloak.example.org/realms/nest-egg",
        "IDP_KEYCLOAK_CLIENT_ID": "web",
        "IDP_KEYCLOAK_PROVISION": "true",
    },
    {"access": _KEYCLOAK},
    {
        "access token for another app": {**_KEYCLOAK, "azp": "another"},
        "ID token": {**_WEB, "typ": "ID", "azp": "web"},
        "refresh token": {**_KEYCLOAK, "typ": "Refresh"},
        "offline token": {**_KEYCLOAK, "typ": "Offline"},
        "token of no kind": {"sub": "u1", "azp": "web", "aud": "web"},
    },
)
OKTA = Vendor(
    "okta",
    "https://home.okta.com/oauth2/default",
    {
        "IDP_OKTA_ISSUER": "https://home.okta.com/oauth2/default",
        "IDP_OKTA_CLIENT_ID": "web",
        "IDP_OKTA_PROVISION": "true",
        "IDP_OKTA_AUDIENCE": "api://default",
    },
    {"access": _OKTA, "id": _WEB},
    {
        "access token for another app": {**_OKTA, "cid": "another"},
        "access token for another API": {**_OKTA, "aud": "api://another"},
        "ID token for another app": {"sub": "u1", "aud": "another"},
        "ID token that another app may use": {**_WEB, "aud": ["web", "another"]},
        "token of a machine": {"sub": "web", "cid": "web", "aud": "api://default"},
    },
)
GOOGLE = Vendor(
    "google",
    "https://accounts.google.com",
    {"IDP_GOOGLE_CLIENT_ID": "web", "IDP_GOOGLE_PROVISION": "true"},
    {"id": _WEB},
    {
        "ID token for another app": {"sub": "u1", "aud": "another"},
        "ID token that another app asked for": {**_WEB, "azp": "another"},
        "token for nobody": {"sub": "u1"},
    },
)
VENDORS = (COGNITO, KEYCLOAK, OKTA, GOOGLE)


@dataclass(frozen=True)
class Playing:
    """A vendor that is played, and a server of ours that believes it.

    Attributes:
        server: plays the vendor; holds its keys.
        api: calls the API of our server.
        clock: our server's.
    """

    vendor: Vendor
    server: FakeIdentityProvider
    api: ApiCaller
    clock: MovableClock

    def begin_anew(self) -> None:
        """Forget what a test did to the vendor; our server holds no keys any more."""
        self.server.extra_keys.clear()
        self.server.fault = None
        self.clock.move(days=3)

    def claims(self, kind: str = "", **changes: Any) -> dict[str, Any]:
        """Return claims of a token of a kind, or of the first; `None` takes one out."""
        user = self.vendor.user
        return self.server.claims(self.clock(), **{**user[kind or next(iter(user))], **changes})

    def token(self, kind: str, **changes: Any) -> str:
        """Return a token of a kind that signs a user in."""
        return self.server.token(self.claims(kind, **changes))

    def user(self, subject: str, **changes: Any) -> str:
        """Return a token that signs another user in."""
        key = "uid" if "uid" in self.claims() else "sub"
        return self.server.token(self.claims(**{key: subject, **changes}))


def play(serve: Serve, stack: ExitStack, **further: str) -> dict[Vendor, Playing]:
    """Start what plays each vendor, and one server of ours that believes them all.

    Args:
        serve: starts servers.
        stack: ends what was started.
        further: variables of our server.
    """
    chain = ",".join([*(vendor.name for vendor in VENDORS), "builtin"])
    variables = {"IDENTITY_PROVIDER_CHAIN": chain, "OIDC_ALLOW_LOOPBACK_HTTP": "true", **further}
    servers = {}
    for vendor in VENDORS:
        # One name for all keys, which are different ones.
        keys = [SigningKey("key-1", name=vendor.name)]
        server = stack.enter_context(FakeIdentityProvider(vendor.issuer, keys))
        variables |= vendor.settings
        variables[f"IDP_{vendor.name.upper()}_JWKS_URL"] = server.jwks_url
        variables[f"IDP_{vendor.name.upper()}_DISCOVERY_URL"] = server.discovery_url
        servers[vendor] = server
    clock = MovableClock(datetime.now(UTC))
    api = ApiCaller(serve(clock=clock, **variables))
    return {vendor: Playing(vendor, server, api, clock) for vendor, server in servers.items()}
