"""Google's provider passes the kit."""

from collections.abc import Mapping
from typing import Any, ClassVar

import nestegg_idp_google
import pytest
from nestegg_idp_google import GoogleSettings

from nestegg_core import IdentityProvider
from nestegg_testing import FakeIdentityProvider, IdentityProviderConformance, MakeContext


class TestGoogle(IdentityProviderConformance):
    issuer = "https://accounts.google.com"
    claims: ClassVar[Mapping[str, Any]] = {"aud": "web", "azp": "web"}
    other_audiences = ({"aud": "another"}, {"aud": None}, {"azp": "another"})
    verified_email: ClassVar[Mapping[str, Any]] = {
        "email": "aino@home.example",
        "email_verified": True,
        "hd": "home.example",
    }
    unverified_email = (
        {"email": "aino@home.example", "email_verified": True},
        {"email": "aino@gmail.com", "email_verified": False},
        {"email": "aino@gmail.com"},
    )
    admin_group = "nest-egg-admins"

    @pytest.fixture
    def subject(
        self, identity_server: FakeIdentityProvider, plugin_context: MakeContext
    ) -> IdentityProvider:
        return nestegg_idp_google.make(
            plugin_context(
                GoogleSettings,
                IDP_GOOGLE_CLIENT_ID="web",
                IDP_GOOGLE_ADMIN_GROUP="nest-egg-admins",
                IDP_GOOGLE_DISCOVERY_URL=identity_server.discovery_url,
                OIDC_ALLOW_LOOPBACK_HTTP="true",
            )
        )
