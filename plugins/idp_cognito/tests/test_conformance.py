"""Cognito's provider passes the kit, with both kinds of token."""

from collections.abc import Mapping
from typing import Any, ClassVar

import nestegg_idp_cognito
import pytest
from nestegg_idp_cognito import CognitoSettings

from nestegg_core import IdentityProvider
from nestegg_testing import FakeIdentityProvider, IdentityProviderConformance, MakeContext


class CognitoConformance(IdentityProviderConformance):
    issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Example12"
    groups_claim = "cognito:groups"
    admin_group = "nest-egg-admins"

    @pytest.fixture
    def subject(
        self, identity_server: FakeIdentityProvider, plugin_context: MakeContext
    ) -> IdentityProvider:
        return nestegg_idp_cognito.make(
            plugin_context(
                CognitoSettings,
                IDP_COGNITO_ISSUER=identity_server.issuer,
                IDP_COGNITO_CLIENT_ID="web",
                IDP_COGNITO_ADMIN_GROUP="nest-egg-admins",
                IDP_COGNITO_JWKS_URL=identity_server.jwks_url,
                IDP_COGNITO_DISCOVERY_URL=identity_server.discovery_url,
                OIDC_ALLOW_LOOPBACK_HTTP="true",
            )
        )


class TestAccessTokens(CognitoConformance):
    claims: ClassVar[Mapping[str, Any]] = {"token_use": "access", "client_id": "web"}
    other_audiences = ({"client_id": "another"}, {"client_id": None}, {"aud": "another"})
    other_types = ({"token_use": "refresh"}, {"token_use": None})


class TestIdTokens(CognitoConformance):
    claims: ClassVar[Mapping[str, Any]] = {"token_use": "id", "aud": "web"}
    other_types = ({"token_use": "refresh"}, {"token_use": "access"})
