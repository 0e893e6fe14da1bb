"""Okta's provider passes the kit, with both kinds of token."""

from collections.abc import Mapping
from typing import Any, ClassVar

import nestegg_idp_okta
import pytest
from nestegg_idp_okta import OktaSettings

from nestegg_core import IdentityProvider
from nestegg_testing import FakeIdentityProvider, IdentityProviderConformance, MakeContext


class OktaConformance(IdentityProviderConformance):
    issuer = "https://home.okta.com/oauth2/default"
    user = "00u1"
    admin_group = "nest-egg-admins"

    @pytest.fixture
    def subject(
        self, identity_server: FakeIdentityProvider, plugin_context: MakeContext
    ) -> IdentityProvider:
        return nestegg_idp_okta.make(
            plugin_context(
                OktaSettings,
                IDP_OKTA_ISSUER=identity_server.issuer,
                IDP_OKTA_CLIENT_ID="web",
                IDP_OKTA_ADMIN_GROUP="nest-egg-admins",
                IDP_OKTA_JWKS_URL=identity_server.jwks_url,
                IDP_OKTA_DISCOVERY_URL=identity_server.discovery_url,
                OIDC_ALLOW_LOOPBACK_HTTP="true",
            )
        )


class TestAccessTokens(OktaConformance):
    claims: ClassVar[Mapping[str, Any]] = {
        "sub": "aino@home.example",
        "uid": "00u1",
        "cid": "web",
        "aud": "api://default",
    }
    other_audiences = ({"cid": "another"}, {"aud": None})


class TestIdTokens(OktaConformance):
    claims: ClassVar[Mapping[str, Any]] = {"sub": "00u1", "aud": "web"}
