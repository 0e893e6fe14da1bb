"""Keycloak's provider passes the kit."""

from collections.abc import Mapping
from typing import Any, ClassVar

import nestegg_idp_keycloak
import pytest
from nestegg_idp_keycloak import KeycloakSettings

from nestegg_core import IdentityProvider
from nestegg_testing import (
    FakeIdentityProvider,
    IdentityProviderConformance,
    MakeContext,
    SigningKey,
)


class KeycloakConformance(IdentityProviderConformance):
    issuer = "https://keycloak.home.example/realms/nest-egg"
    claims: ClassVar[Mapping[str, Any]] = {"typ": "Bearer", "azp": "web", "aud": "account"}
    other_audiences = ({"azp": "another"}, {"azp": None})
    other_types = ({"typ": "ID"}, {"typ": "Refresh"}, {"typ": "Offline"}, {"typ": None})
    admin_group = "nest-egg-admins"

    @pytest.fixture
    def subject(
        self, identity_server: FakeIdentityProvider, plugin_context: MakeContext
    ) -> IdentityProvider:
        return nestegg_idp_keycloak.make(
            plugin_context(
                KeycloakSettings,
                IDP_KEYCLOAK_ISSUER=identity_server.issuer,
                IDP_KEYCLOAK_CLIENT_ID="web",
                IDP_KEYCLOAK_ADMIN_GROUP="nest-egg-admins",
                IDP_KEYCLOAK_DISCOVERY_URL=identity_server.discovery_url,
                OIDC_ALLOW_LOOPBACK_HTTP="true",
            )
        )


class TestRsa(KeycloakConformance):
    pass


class TestEllipticCurve(KeycloakConformance):
    signing_key = SigningKey("key-1", "ES256")
