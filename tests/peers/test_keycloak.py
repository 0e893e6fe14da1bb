"""Keycloak itself: users sign in, roles arrive, keys rotate, users leave, the server is down."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import requests

from nestegg_testing import MovableClock
from support.callers import ApiCaller
from support.code_flow import claims_of, header_of
from support.command_line import PATIENCE, started
from support.keycloak import ADMINISTRATORS, CLIENT, Keycloak, running_keycloak
from support.serving import Serve


@pytest.fixture(scope="module")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    """A running Keycloak."""
    with running_keycloak(tmp_path_factory.mktemp("keycloak")) as server:
        yield server


def variables(keycloak: Keycloak, **further: str) -> dict[str, str]:
    """What an operator sets."""
    return {
        "IDENTITY_PROVIDER_CHAIN": "keycloak,builtin",
        "IDP_KEYCLOAK_ISSUER": keycloak.issuer,
        "IDP_KEYCLOAK_CLIENT_ID": CLIENT,
        "IDP_KEYCLOAK_PROVISION": "true",
        "IDP_KEYCLOAK_ADMIN_GROUP": ADMINISTRATORS,
        "OIDC_ALLOW_LOOPBACK_HTTP": "true",
        **further,
    }


def test_code_flow_and_password_sign_the_same_user_in(keycloak: Keycloak, serve: Serve) -> None:
    subject = keycloak.add_user("aino")
    api = ApiCaller(serve(**variables(keycloak)))
    by_code = keycloak.sign_in("aino")
    claims = claims_of(by_code["access_token"])
    assert (claims["sub"], claims["azp"], claims["typ"]) == (subject, CLIENT, "Bearer")

    first, second = api.me(by_code["access_token"]), api.me(keycloak.access_token("aino"))

    assert first == second
    assert (first["email"], first["name"]) == ("aino@example.org", "Aino Example")
    assert [one["role"] for one in first["memberships"]] == ["owner"]
    refreshed = keycloak.app().refresh(by_code["refresh_token"])
    assert api.me(refreshed["access_token"]) == first


def test_only_access_tokens_for_our_clients_are_taken(keycloak: Keycloak, serve: Serve) -> None:
    keycloak.add_user("onni")
    api, tokens = ApiCaller(serve(**variables(keycloak))), keycloak.sign_in("onni")
    assert claims_of(tokens["id_token"])["typ"] == "ID"
    assert header_of(tokens["refresh_token"])["alg"] == "HS512"

    assert api.status(tokens["access_token"]) == 200
    assert api.status(tokens["id_token"]) == 401
    assert api.status(tokens["refresh_token"]) == 401
    assert api.status(keycloak.access_token("onni", "another-app")) == 401
    with_audience = serve(**variables(keycloak, IDP_KEYCLOAK_AUDIENCE="nest-egg-api"))
    assert ApiCaller(with_audience).status(tokens["access_token"]) == 401


def test_roles_come_and_go_with_the_tokens(keycloak: Keycloak, serve: Serve) -> None:
    user = keycloak.add_user("elli")
    api = ApiCaller(serve(**variables(keycloak)))
    rights = []
    for member in (False, True, False):
        if member or rights:
            keycloak.set_role(user, member=member)
        token = keycloak.access_token("elli")
        assert api.me(token)["is_admin"] is member
        rights.append(api.may_administer(token))

    assert rights == [False, True, False]


@pytest.mark.parametrize("written", ["/family/parents", "family/parents"])
def test_groups_arrive_through_the_mapper(keycloak: Keycloak, serve: Serve, written: str) -> None:
    name = f"member{len(written)}"
    keycloak.add_user(name, groups=("/family/parents",))
    token = keycloak.access_token(name)
    assert claims_of(token)["groups"] == ["/family/parents"]

    admins = variables(keycloak, IDP_KEYCLOAK_ADMIN_GROUP=written)
    assert ApiCaller(serve(**admins)).me(token)["is_admin"]
    assert not ApiCaller(serve(**variables(keycloak))).me(token)["is_admin"]


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_keys_rotate_while_requests_run_and_none_fails(
    keycloak: Keycloak, serve: Serve, algorithm: str
) -> None:
    user = f"rotating-{algorithm.lower()}"
    keycloak.add_user(user)
    clock = MovableClock(datetime.now(UTC))
    api = ApiCaller(serve(clock=clock, **variables(keycloak)))
    old = keycloak.access_token(user)
    api.me(old)
    clock.move(minutes=1)
    ended, latest, statuses = threading.Event(), [old], list[int]()

    def call() -> None:
        while not ended.is_set():
            statuses.append(api.status(latest[-1]))

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(call) for _ in range(4)]
        try:
            keycloak.rotate_keys(algorithm)
            latest.append(keycloak.access_token(user))
            assert header_of(latest[-1])["kid"] != header_of(old)["kid"]
            enough = len(statuses) + 100
            while len(statuses) < enough and not any(one.done() for one in running):
                threading.Event().wait(0.01)
        finally:
            ended.set()
    for one in running:
        one.result()
    assert len(statuses) >= enough
    assert set(statuses) == {200}
    # The old key is still published: tokens of before go on.
    assert [api.status(token) for token in (old, latest[-1])] == [200, 200]


def test_a_user_who_is_disabled_gets_no_more_tokens(keycloak: Keycloak, serve: Serve) -> None:
    user = keycloak.add_user("venla")
    api, tokens = ApiCaller(serve(**variables(keycloak))), keycloak.sign_in("venla")
    api.me(tokens["access_token"])

    keycloak.disable(user)

    refused = keycloak.by_password("venla")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert keycloak.app().ask(**refresh).status_code == 400
    # A token that is out lives until it expires or is signed out; docs/identity.md says so.
    api.sign_out(tokens["access_token"])


def test_a_server_process_signs_a_user_in(
    keycloak: Keycloak, fresh_variables: dict[str, str]
) -> None:
    """The whole way: `nestegg serve` with the guide's variables, and requests over the network."""
    keycloak.add_user("ilmari")
    token = keycloak.sign_in("ilmari")["access_token"]
    header = {"Authorization": f"Bearer {token}"}
    with started("serve", variables={**fresh_variables, **variables(keycloak)}) as server:
        me, out = f"{server.address}/api/v1/me", f"{server.address}/api/v1/auth/logout"
        first = requests.get(me, headers=header, timeout=PATIENCE)
        signed_out = requests.post(out, headers=header, timeout=PATIENCE)
        again = requests.get(me, headers=header, timeout=PATIENCE)

    assert first.json()["email"] == "ilmari@example.org"
    assert [one.status_code for one in (first, signed_out, again)] == [200, 204, 401]


def test_an_outage_changes_nothing_until_the_keys_are_too_old(
    keycloak: Keycloak, serve: Serve
) -> None:
    keycloak.add_user("saara")
    tokens = [keycloak.access_token("saara") for _ in range(3)]
    clock = MovableClock(datetime.now(UTC))
    api = ApiCaller(serve(clock=clock, **variables(keycloak)))
    never_reached = ApiCaller(serve(clock=clock, **variables(keycloak)))
    api.me(tokens[0])
    keycloak.server.stop()
    try:
        # Held keys serve, for tokens that were seen before and for new ones.
        for hours in (0, 1, 22):
            clock.move(hours=hours)
            assert [api.status(token) for token in tokens] == [200, 200, 200]
        assert never_reached.status(tokens[0]) == 503

        clock.move(hours=2)
        assert [api.status(token) for token in tokens] == [503, 503, 503]
        answer = api.answer(tokens[0])
        assert answer.json["type"] == "urn:nestegg:problem:provider-unavailable"
        assert "WWW-Authenticate" not in answer.headers
    finally:
        keycloak.server.start()

    clock.move(minutes=1)
    assert [api.status(token) for token in tokens] == [200, 200, 200]
    assert never_reached.status(tokens[0]) == 200
