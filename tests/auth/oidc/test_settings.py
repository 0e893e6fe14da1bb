"""The settings that every vendor's class inherits."""

import pytest

from nestegg_core import ConfigurationError
from nestegg_core.auth.oidc import IssuerSettings, prefixed
from nestegg_core.settings import Environment
from nestegg_core.settings.loading import fields_of


class AcmeSettings(IssuerSettings):
    model_config = prefixed("idp_acme_")


REQUIRED = {"IDP_ACME_ISSUER": "https://id.acme.example", "IDP_ACME_CLIENT_ID": "web, phone"}


def read(**variables: str) -> AcmeSettings:
    return Environment.read({**REQUIRED, **variables}, dotenv=None).load(AcmeSettings)


def test_variables_begin_with_the_prefix_but_for_the_one_that_all_share() -> None:
    first, second, *others = (field.variable for field in fields_of(AcmeSettings))

    assert (first, second) == ("OIDC_ALLOW_LOOPBACK_HTTP", "IDP_ACME_ISSUER")
    assert all(name.startswith("IDP_ACME_") for name in others)


def test_the_profile_is_what_the_operator_has_set() -> None:
    settings = read(
        IDP_ACME_AUDIENCE="api",
        IDP_ACME_ADMIN_GROUP="chiefs",
        IDP_ACME_GROUPS_CLAIM="acme.roles",
        IDP_ACME_JWKS_URL="https://keys.acme.example",
        IDP_ACME_DISCOVERY_URL="https://inside.acme.example",
        IDP_ACME_PROVISION="false",
        IDP_ACME_LINK_DOMAINS="Example.ORG, xn--bcher-kva.example",
    )
    profile = settings.profile("acme", algorithms=("ES256",))

    assert (profile.issuers, profile.client_ids) == (("https://id.acme.example",), ("web", "phone"))
    assert (profile.audiences, profile.admin_group) == (("api",), "chiefs")
    assert (profile.groups_claims, profile.may_provision) == (("acme.roles",), False)
    assert profile.jwks_url == "https://keys.acme.example"
    assert profile.discovery_url == "https://inside.acme.example"
    assert profile.link_domains == ("example.org", "xn--bcher-kva.example")
    assert profile.algorithms == ("ES256",)


def test_nobody_is_linked_by_an_address_unless_a_domain_is_set() -> None:
    assert read().profile("acme").link_domains == ()


@pytest.mark.parametrize(
    "written",
    ["*", "*.example.org", "@example.org", "aino@example.org", "org", "b\u00fccher.example"],
)
def test_what_is_no_domain_refuses_the_start(written: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(IDP_ACME_LINK_DOMAINS=f"example.net,{written}")

    (problem,) = caught.value.problems
    assert problem.where == "IDP_ACME_LINK_DOMAINS"
    assert "no domain" in problem.what


def test_loopback_http_is_allowed_where_the_shared_variable_says_so() -> None:
    local = "http://127.0.0.1:8080/realms/home"
    assert read(IDP_ACME_ISSUER=local, OIDC_ALLOW_LOOPBACK_HTTP="true").issuer == local
    with pytest.raises(ConfigurationError):
        read(IDP_ACME_ISSUER=local)
