"""Where apps sign users in, from a vendor's discovery; and for which addresses it may vouch."""

from collections.abc import Callable
from typing import Any

import pytest

from nestegg_core import ProviderUnavailable, Valid
from nestegg_core.auth.oidc import KeyPolicy, OidcProvider
from nestegg_testing import FakeIdentityProvider, Fault

Make = Callable[..., OidcProvider]


def test_endpoints_come_from_discovery(vendor: FakeIdentityProvider, make: Make) -> None:
    found = make(scopes=("openid", "groups"), bearer="access_token").describe()

    assert found.authorization_endpoint == f"{vendor.url}/authorize"
    assert found.token_endpoint == f"{vendor.url}/token"
    assert (found.scopes, found.bearer) == (("openid", "groups"), "access_token")
    assert vendor.requests == ["/.well-known/openid-configuration"]


def test_discovery_is_asked_also_where_the_keys_address_is_given(
    vendor: FakeIdentityProvider, make: Make
) -> None:
    assert make(jwks_url=vendor.jwks_url).describe().token_endpoint == f"{vendor.url}/token"


def test_discovery_of_another_issuer_is_not_believed(
    vendor: FakeIdentityProvider, make: Make
) -> None:
    other = make(issuers=("https://other.example",), discovery_url=vendor.discovery_url)
    with pytest.raises(ProviderUnavailable, match="another issuer"):
        other.describe()


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint"])
@pytest.mark.parametrize(
    "value", [None, 7, [], "", "http://id.example/x", "javascript:alert(1)", "https://a b/"]
)
def test_an_unfit_endpoint_is_not_passed_on(
    name: str, value: Any, vendor: FakeIdentityProvider, make: Make
) -> None:
    vendor.endpoints[name] = value
    with pytest.raises(ProviderUnavailable, match=name):
        make().describe()


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.REDIRECT, Fault.DRIP_HEAD, Fault.DRIP_BODY])
def test_an_outage_is_told_in_time(fault: Fault, vendor: FakeIdentityProvider, make: Make) -> None:
    vendor.fault = fault
    with pytest.raises(ProviderUnavailable):
        make(policy=KeyPolicy(deadline=0.5)).describe()


@pytest.mark.parametrize(
    ("email", "verified", "may_link"),
    [
        ("aino@example.org", True, True),
        ("aino@EXAMPLE.Org", "true", True),
        ("aino@example.org", False, False),
        ("aino@example.org", "false", False),
        ("aino@example.org", None, False),
        ("aino@example.net", True, False),
        ("aino@sub.example.org", True, False),
        ("aino@evilexample.org", True, False),
        ("aino@example.org@example.org", True, False),
        ("\N{KELVIN SIGN}ai@example.org", True, False),
        (None, True, False),
    ],
)
def test_a_token_may_link_where_a_verified_address_is_in_a_listed_domain(
    *,
    email: str | None,
    verified: Any,
    may_link: bool,
    vendor: FakeIdentityProvider,
    make: Make,
    good: dict[str, Any],
) -> None:
    token = vendor.token(good | {"email": email, "email_verified": verified})
    verdict = make(link_domains=("example.org",)).authenticate(token)

    assert isinstance(verdict, Valid)
    assert verdict.identity.may_link is may_link
    unlisted = make().authenticate(token)
    assert isinstance(unlisted, Valid)
    assert not unlisted.identity.may_link
