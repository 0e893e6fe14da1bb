"""What holds of every identity provider, whatever its vendor."""

from nestegg_testing.conformance.base import Conformance
from nestegg_testing.conformance.identity_refusals import RefusalRules
from nestegg_testing.conformance.identity_users import UserRules
from nestegg_testing.conformance.identity_vendor import VendorRules


class IdentityProviderConformance(RefusalRules, UserRules, VendorRules, Conformance):
    """Tries an `IdentityProvider` against a fake vendor and its forgers.

    The fixture `subject` returns the provider, configured for the fixture `identity_server` and
    for the fixture `clock`.

    Attributes:
        issuer: the vendor's issuer, where it is not the server's own address.
        claims: what a good token holds besides `iss`, `sub`, `iat` and `exp`.
        token_headers: what the header of a good token holds besides `alg`, `kid` and `typ`.
        signing_key: what the vendor signs with.
        user: the `Identity.subject` of a good token.
        other_audiences: changes of the claims that make a token one for another application.
        other_types: changes of the claims that make a token one of the vendor's other types,
            such as a refresh token.
        verified_email: claims of a user whose address the vendor vouches for; `None` for a
            provider that tells no addresses.
        unverified_email: claims of a user whose address the vendor does not vouch for.
        groups_claim: the claim that holds the names of groups; `None` for a provider without.
        admin_group: the group whose members `subject` was told to make administrators.
        fetches_keys: whether the keys come over the network.
        issues_tokens: whether the provider itself issues what it verifies, so that nobody else
            holds its key: what only a vendor could sign is not tried then.
        provisions: whether `subject` was told to let users in whom nobody knows.

    Example:
        ```python
        class TestOkta(IdentityProviderConformance):
            claims = {"aud": "nest-egg"}

            @pytest.fixture
            def subject(self, identity_server, plugin_context):
                return make(plugin_context(OktaSettings, IDP_OKTA_ISSUER=identity_server.issuer))
        ```
    """

    kind = "IdentityProvider"
    section = "identity-provider"
