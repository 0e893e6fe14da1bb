"""What other providers' tokens are worth here, through the API: rights, roles, linked accounts."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from falcon.testing import Result, TestClient
from sqlalchemy import update

from nestegg_core.application import Runtime
from nestegg_core.database.tables import credentials
from nestegg_testing import FakeIdentityProvider, Fault
from support.household import PASSWORD, Household, register
from support.serving import Serve, serving
from support.vendors import COGNITO, GOOGLE, KEYCLOAK, OKTA, VENDORS, Playing, Vendor, play

ADMINISTRATORS = "nest-egg-admins"
DOMAIN = "vouched.example.org"
each_vendor = pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)

_numbers = count(1)


def groups(vendor: Vendor, *names: str) -> Mapping[str, Any]:
    """Return the claims in which a vendor's tokens name groups."""
    if vendor is COGNITO:
        return {"cognito:groups": list(names)}
    return {"realm_access": {"roles": list(names)}} if vendor is KEYCLOAK else {"groups": [*names]}


@pytest.fixture(scope="module")
def host(runtime: Runtime, client: TestClient) -> Household:
    """Whose organization takes in the group `family` of every vendor."""
    del runtime
    return register(client)


@pytest.fixture(scope="module")
def played(host: Household, variables: dict[str, str]) -> Iterator[Callable[[Vendor], Playing]]:
    """One server that believes all four vendors, and what plays each of them."""
    names = [vendor.name for vendor in VENDORS]
    further = {f"IDP_{name.upper()}_ADMIN_GROUP": ADMINISTRATORS for name in names}
    further |= {f"IDP_{name.upper()}_LINK_DOMAINS": DOMAIN.upper() for name in names}
    rules = [f"{name}:family:member:{host.org_id}" for name in names]
    with serving(variables) as serve, ExitStack() as stack:
        playing = play(serve, stack, IDENTITY_GROUP_ROLES=",".join(rules), **further)
        yield playing.__getitem__


@pytest.fixture
def of(played: Callable[[Vendor], Playing], vendor: Vendor) -> Playing:
    """The vendor, with nothing out of order."""
    playing = played(vendor)
    playing.server.fault = None
    return playing


def subject() -> str:
    return f"web{next(_numbers)}"


def role_at(of: Playing, host: Household, token: str) -> str | None:
    places = of.api.me(token)["memberships"]
    roles = [one["role"] for one in places if one["organization"]["id"] == host.org_id]
    return roles[0] if roles else None


def link(of: Playing, user: Household, token: str) -> Result:
    return post(of, user.token, {"token": token, "password": PASSWORD})


def post(of: Playing, bearer: str, body: Mapping[str, str]) -> Result:
    headers = {"Authorization": f"Bearer {bearer}"}
    return of.api.client.simulate_post("/api/v1/me/identities", json=body, headers=headers)


def verified(runtime: Runtime, household: Household) -> None:
    """Let a user have verified their address."""
    where = credentials.c.user_id == UUID(household.signed_in["user"]["id"])
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(update(credentials).where(where).values(email_verified_at=runtime.clock()))


@each_vendor
def test_the_right_to_administer_goes_with_the_next_token(of: Playing) -> None:
    who = subject()
    chief = of.user(who, **groups(of.vendor, ADMINISTRATORS))
    assert of.api.may_administer(chief)
    assert of.api.me(chief)["is_admin"]

    assert not of.api.may_administer(of.user(who, **groups(of.vendor, "family")))
    assert not of.api.may_administer(of.user(who))  # without any groups claim
    assert not of.api.me(of.user(who))["is_admin"]


@each_vendor
def test_a_role_comes_and_goes_with_the_group(of: Playing, host: Household) -> None:
    who = subject()

    assert role_at(of, host, of.user(who)) is None
    assert role_at(of, host, of.user(who, **groups(of.vendor, "family"))) == "member"
    accounts = of.api.answer(
        of.user(who, **groups(of.vendor, "family")),
        f"/api/v1/organizations/{host.org_id}/accounts",
    )
    assert accounts.status_code == 200
    gone = of.user(who)
    assert of.api.answer(gone, f"/api/v1/organizations/{host.org_id}/accounts").status_code == 404
    assert role_at(of, host, gone) is None


@each_vendor
def test_a_token_that_was_signed_out_gives_no_role_back_and_makes_nobody(
    of: Playing, host: Household
) -> None:
    who = subject()
    old = of.user(who, **groups(of.vendor, "family"))
    user = of.api.me(old)["id"]
    of.api.sign_out(old)
    assert role_at(of, host, of.user(who)) is None

    assert of.api.status(old) == 401
    assert user not in [one["user_id"] for one in host.get("members", limit=200).json["items"]]


@each_vendor
def test_a_verified_address_of_a_listed_domain_signs_its_user_in(
    of: Playing, runtime: Runtime, client: TestClient
) -> None:
    local = subject()
    household = register(client, email=f"{local}@{DOMAIN}")
    verified(runtime, household)
    claims = {"email": f"{local.upper()}@{DOMAIN.title()}", "email_verified": True, "hd": DOMAIN}

    me = of.api.me(of.user(subject(), **claims))

    assert me["id"] == household.signed_in["user"]["id"]


TAKE_OVERS: Mapping[str, Mapping[str, Any]] = {
    "not verified": {"email_verified": False},
    "nothing said": {"email_verified": None},
    "the text false": {"email_verified": "false"},
    "a number": {"email_verified": 1},
    "another domain": {"email": "{}@example.org"},
    "a domain that ends so": {"email": "{}@evil-vouched.example.org"},
    "a domain below": {"email": "{}@sub.vouched.example.org"},
    "two at signs": {"email": "{}@example.org@vouched.example.org"},
}


@each_vendor
@pytest.mark.parametrize("attempt", TAKE_OVERS)
def test_an_address_takes_nobody_over(
    attempt: str, of: Playing, runtime: Runtime, client: TestClient
) -> None:
    local = subject()
    said = {"email": f"{{}}@{DOMAIN}", "email_verified": True, "hd": DOMAIN, **TAKE_OVERS[attempt]}
    email = said["email"].format(local)
    household = register(client, email=email if email.count("@") == 1 else f"{local}@{DOMAIN}")
    verified(runtime, household)

    me = of.api.me(of.user(subject(), **{**said, "email": email}))

    assert me["id"] != household.signed_in["user"]["id"]
    assert household.get("/api/v1/me/identities").json["items"] == []


@each_vendor
def test_an_address_that_was_not_verified_here_takes_nobody_over(
    of: Playing, client: TestClient
) -> None:
    local = subject()
    household = register(client, email=f"{local}@{DOMAIN}")
    claims = {"email": f"{local}@{DOMAIN}", "email_verified": True, "hd": DOMAIN}

    me = of.api.me(of.user(subject(), **claims))

    assert me["id"] != household.signed_in["user"]["id"]


@pytest.mark.parametrize("vendor", [GOOGLE], ids=["google"])
def test_googles_word_does_not_count_where_it_does_not_manage_the_domain(
    of: Playing, runtime: Runtime, client: TestClient
) -> None:
    local = subject()
    household = register(client, email=f"{local}@{DOMAIN}")
    verified(runtime, household)
    claims = {"email": f"{local}@{DOMAIN}", "email_verified": True}

    assert of.api.me(of.user(subject(), **claims))["id"] != household.signed_in["user"]["id"]


@each_vendor
def test_whoever_is_signed_in_links_and_unlinks(of: Playing, household: Household) -> None:
    who = subject()
    token = of.user(who, email="elsewhere@example.net")
    linked = link(of, household, token)

    assert linked.status_code == 201
    assert (linked.json["provider"], linked.json["issuer"]) == (of.vendor.name, of.vendor.issuer)
    assert (linked.json["subject"], linked.json["email"]) == (who, "elsewhere@example.net")
    assert of.api.me(token)["id"] == household.signed_in["user"]["id"]
    headers = {"Authorization": f"Bearer {household.token}"}
    path = "/api/v1/me/identities"
    assert of.api.client.simulate_get(path, headers=headers).json["items"] == [linked.json]

    one = f"{path}/{linked.json['id']}"
    assert of.api.client.simulate_delete(one, headers=headers).status_code == 204
    assert of.api.client.simulate_delete(one, headers=headers).status_code == 404
    assert of.api.me(token)["id"] != household.signed_in["user"]["id"]


@pytest.mark.parametrize("vendor", [OKTA], ids=["okta"])
class TestRefusals:
    def test_what_has_an_account_of_its_own_is_409(self, of: Playing, household: Household) -> None:
        token = of.user(subject())
        owner = of.api.me(token)["id"]
        answer = link(of, household, token)

        assert answer.status_code == 409
        assert answer.json["type"].endswith(":identity-taken")
        assert of.api.me(token)["id"] == owner

    def test_the_last_way_to_sign_in_is_409(self, of: Playing) -> None:
        token = of.user(subject())
        (only,) = of.api.answer(token, "/api/v1/me/identities").json["items"]
        answer = of.api.answer(token, f"/api/v1/me/identities/{only['id']}", "DELETE")

        assert answer.status_code == 409
        assert answer.json["type"].endswith(":last-way-to-sign-in")
        assert of.api.status(token) == 200

    @pytest.mark.parametrize("bad", ["unknown", "nep_unknown", "ey.ey.ey"])
    def test_a_token_of_nobody_is_422_and_the_callers_own_stays_good(
        self, of: Playing, household: Household, bad: str
    ) -> None:
        answer = link(of, household, bad)

        assert answer.status_code == 422
        assert answer.json["errors"][0]["pointer"] == "/token"
        assert "WWW-Authenticate" not in answer.headers

    @pytest.mark.parametrize("password", [{}, {"password": None}, {"password": "wrong horse"}])
    def test_a_good_token_without_the_callers_password_is_422(
        self, of: Playing, household: Household, password: dict[str, str]
    ) -> None:
        answer = post(of, household.token, {"token": of.user(subject()), **password})

        assert answer.status_code == 422
        assert [one["pointer"] for one in answer.json["errors"]] == ["/password"]
        assert household.get("/api/v1/me/identities").json["items"] == []

    def test_ones_own_built_in_token_is_422(self, of: Playing, household: Household) -> None:
        assert link(of, household, household.token).status_code == 422

    def test_an_expired_or_signed_out_token_is_422(self, of: Playing, household: Household) -> None:
        now = int(of.clock().timestamp())
        assert link(of, household, of.user(subject(), exp=now - 1)).status_code == 422

        used = of.user(subject())
        of.api.sign_out(used)
        assert link(of, household, used).status_code == 422

    def test_keys_that_cannot_be_had_are_503(
        self, serve: Serve, vendor: Vendor, household: Household
    ) -> None:
        with FakeIdentityProvider(vendor.issuer) as server:
            server.fault = Fault.ERROR
            variables = {"OIDC_ALLOW_LOOPBACK_HTTP": "true", "IDP_OKTA_JWKS_URL": server.jwks_url}
            client = serve(IDENTITY_PROVIDER_CHAIN="okta,builtin", **vendor.settings, **variables)
            answer = client.simulate_post(
                "/api/v1/me/identities",
                json={"token": server.token(server.claims(**vendor.user["id"]))},
                headers={"Authorization": f"Bearer {household.token}"},
            )

        assert answer.status_code == 503
        assert answer.json["type"].endswith(":provider-unavailable")

    def test_a_personal_token_cannot_link(self, of: Playing, household: Household) -> None:
        body = {"name": "Script", "scopes": ["account:read"]}
        personal = household.post("/api/v1/me/tokens", **body).json["token"]

        assert post(of, personal, {"token": of.user(subject())}).status_code == 403
