"""Users of a Cognito user pool, as moto imitates it, sign in with the guide's variables."""

import pytest
import requests

from nestegg_testing import FakeIdentityProvider
from support.callers import ApiCaller
from support.code_flow import claims_of
from support.cognito_pool import ADMINISTRATORS, UserPool
from support.command_line import PATIENCE, started
from support.serving import Serve


def test_access_and_id_token_sign_the_same_user_in(serve: Serve, pool: UserPool) -> None:
    api, tokens = ApiCaller(serve(**pool.variables)), pool.sign_in("aino")
    assert "aud" not in claims_of(tokens["AccessToken"])
    assert claims_of(tokens["IdToken"])["aud"] == pool.client_id

    by_access, by_id = api.me(tokens["AccessToken"]), api.me(tokens["IdToken"])

    assert by_access["id"] == by_id["id"]
    assert [one["role"] for one in by_access["memberships"]] == ["owner"]


def test_the_user_stays_the_same_with_refreshed_tokens(serve: Serve, pool: UserPool) -> None:
    api, tokens = ApiCaller(serve(**pool.variables)), pool.sign_in("aino")
    refreshed = pool.refresh(tokens["RefreshToken"])

    before, after = api.me(tokens["AccessToken"]), api.me(refreshed["AccessToken"])

    assert before == after
    assert refreshed["AccessToken"] != tokens["AccessToken"]


def test_the_admin_group_gives_the_right_and_leaving_it_takes_it_away(
    serve: Serve, pool: UserPool
) -> None:
    api, membership = ApiCaller(serve(**pool.variables)), {"Username": "aino"}
    pool.ask("AdminAddUserToGroup", GroupName=ADMINISTRATORS, **membership)
    inside = pool.sign_in("aino")
    pool.ask("AdminRemoveUserFromGroup", GroupName=ADMINISTRATORS, **membership)
    outside = pool.sign_in("aino")
    assert "cognito:groups" not in claims_of(outside["AccessToken"])

    for kind in ("AccessToken", "IdToken"):
        assert api.me(inside[kind])["is_admin"]
        assert api.may_administer(inside[kind])
        assert not api.me(outside[kind])["is_admin"]
        assert not api.may_administer(outside[kind])


def test_a_token_that_was_signed_out_is_refused_and_others_are_not(
    serve: Serve, pool: UserPool
) -> None:
    api = ApiCaller(serve(**pool.variables))
    first, second = pool.sign_in("aino"), pool.sign_in("aino")
    api.me(first["AccessToken"])

    api.sign_out(first["AccessToken"])

    assert api.status(first["IdToken"]) == 200
    assert api.status(second["AccessToken"]) == 200


def test_what_is_not_for_us_is_refused(serve: Serve, pool: UserPool) -> None:
    """Another client's token, the refresh token, and a token of another pool at the same peer."""
    tokens, other_pool = pool.sign_in("aino"), UserPool.create(pool.url)
    other_pool.add_user("aino")
    another = {**pool.variables, "IDP_COGNITO_CLIENT_ID": "another-app"}
    api = ApiCaller(serve(**pool.variables))

    assert api.status(tokens["AccessToken"]) == 200
    assert api.status(tokens["RefreshToken"]) == 401
    assert api.status(other_pool.sign_in("aino")["AccessToken"]) == 401
    for kind in ("AccessToken", "IdToken"):
        assert ApiCaller(serve(**another)).status(tokens[kind]) == 401


def test_a_forger_who_copies_the_kid_is_refused(serve: Serve, pool: UserPool) -> None:
    api, tokens = ApiCaller(serve(**pool.variables)), pool.sign_in("aino")
    with FakeIdentityProvider(pool.issuer) as forger:
        forged = forger.token(claims_of(tokens["AccessToken"]), header={"kid": "dummy"})

    assert api.status(forged) == 401


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")
def test_a_server_process_signs_a_user_in(fresh_variables: dict[str, str], pool: UserPool) -> None:
    """The whole way: `nestegg serve` with these variables, and a request over the network."""
    with started("serve", variables={**fresh_variables, **pool.variables}) as server:
        token = pool.sign_in("aino")["AccessToken"]
        answer = requests.get(
            f"{server.address}/api/v1/me",
            headers={"Authorization": f"Bearer {token}"},
            timeout=PATIENCE,
        )

    assert answer.status_code == requests.codes.ok
    assert answer.json()["memberships"][0]["role"] == "owner"
