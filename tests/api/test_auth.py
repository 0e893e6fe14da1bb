"""Registering, signing in, staying signed in and signing out."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from falcon.testing import Result, TestClient

from nestegg_core.application import Runtime
from nestegg_testing.clock import MovableClock
from support.household import PASSWORD, Household, register
from support.samples import email
from support.serving import Serve
from support.staff import disable

AUTH = "/api/v1/auth"
MARKER = "marker7f3a"


def post(client: TestClient, what: str, **json: Any) -> Result:
    return client.simulate_post(f"{AUTH}/{what}", json=json)


def me(client: TestClient, token: str) -> Result:
    return client.simulate_get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})


def pointers(answer: Result) -> list[str]:
    return [error["pointer"] for error in answer.json["errors"]]


def test_registering_signs_in_and_gives_an_organization(client: TestClient) -> None:
    address = email()
    answer = post(client, "register", email=address, password=PASSWORD, name="Ada")

    assert answer.status_code == 201
    body = answer.json
    organization = body["organization"]
    assert set(body) == {
        "user",
        "organization",
        "access_token",
        "refresh_token",
        "token_type",
        "expires_in",
    }
    assert body["user"] == {
        "id": body["user"]["id"],
        "email": address,
        "name": "Ada",
        "is_admin": False,
        "memberships": [{"organization": organization, "role": "owner"}],
    }
    assert set(organization) == {"id", "name"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 15 * 60)
    assert answer.headers["Cache-Control"] == "no-store"
    assert me(client, body["access_token"]).json == body["user"]


def test_an_address_is_registered_once_in_whatever_case(client: TestClient) -> None:
    first = register(client, email=f"Zoë.{email()}")
    for again in (first.email, first.email.replace("z", "Z").title(), f"  {first.email} "):
        answer = post(client, "register", email=again, password=PASSWORD)
        assert answer.status_code == 409
        assert answer.json["type"] == "urn:nestegg:problem:email-taken"
        assert first.email not in answer.text


def test_of_concurrent_registrations_of_one_address_exactly_one_wins(client: TestClient) -> None:
    address = email()
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: post(client, "register", email=address, password=PASSWORD), range(4))
        )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, ["/email", "/password"]),
        ({"email": "nobody", "password": "short" + MARKER[:2]}, ["/email", "/password"]),
        ({"email": f"a@{MARKER}", "password": PASSWORD, "name": ""}, ["/email", "/name"]),
        ({"email": "a b@c.de", "password": PASSWORD}, ["/email"]),
        ({"email": "a@b.c\u0000d", "password": PASSWORD}, ["/email"]),
        ({"email": "a@b.c", "password": MARKER * 101}, ["/password"]),
        ({"email": f"{'a' * 251}@b.c", "password": PASSWORD}, ["/email"]),
        ({"email": "a@b.c", "password": [MARKER], "name": 5}, ["/password", "/name"]),
        ({"email": "a@b.c", "password": PASSWORD, "is_admin": True}, ["/is_admin"]),
        ({"email": None, "password": None, "name": "\u0000"}, ["/email", "/password", "/name"]),
    ],
)
def test_a_bad_registration_names_every_bad_field_and_repeats_none(
    client: TestClient, body: dict[str, Any], named: list[str]
) -> None:
    answer = post(client, "register", **body)

    assert answer.status_code == 422
    assert pointers(answer) == named
    assert MARKER not in answer.text
    assert PASSWORD not in answer.text


@pytest.mark.parametrize("spelling", [str, str.upper, "  {} ".format])
def test_one_signs_in_with_the_address_in_any_case(client: TestClient, spelling: Any) -> None:
    user = register(client, email=f"Mixed.Case.{email()}")
    answer = post(client, "login", email=spelling(user.email), password=PASSWORD)

    assert answer.status_code == 200
    assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert me(client, answer.json["access_token"]).json["id"] == user.signed_in["user"]["id"]


def test_a_wrong_password_and_an_unknown_address_look_alike(
    runtime: Runtime, client: TestClient, household: Household
) -> None:
    disabled = register(client)
    disable(runtime, disabled)
    answers = [
        post(client, "login", email=household.email, password=MARKER),
        post(client, "login", email=email(), password=MARKER),
        post(client, "login", email="no address\u0000", password=PASSWORD),
        post(client, "login", email="", password=""),
        post(client, "login", email=disabled.email, password=PASSWORD),
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {'Bearer realm="nestegg"'}
    assert MARKER not in answers[0].text


def test_a_refresh_token_is_spent_for_a_new_pair(client: TestClient, household: Household) -> None:
    first = household.signed_in["refresh_token"]
    second = post(client, "refresh", refresh_token=first)

    assert second.status_code == 200
    assert second.headers["Cache-Control"] == "no-store"
    assert second.json["refresh_token"] != first
    assert me(client, second.json["access_token"]).status_code == 200
    assert me(client, household.token).status_code == 200
    third = post(client, "refresh", refresh_token=second.json["refresh_token"])
    assert third.status_code == 200


def test_a_second_use_of_a_refresh_token_ends_the_whole_session(
    client: TestClient, household: Household
) -> None:
    stolen = household.signed_in["refresh_token"]
    fresh = post(client, "refresh", refresh_token=stolen).json
    other_session = post(client, "login", email=household.email, password=PASSWORD).json

    again = post(client, "refresh", refresh_token=stolen)

    assert again.status_code == 401
    assert post(client, "refresh", refresh_token=fresh["refresh_token"]).status_code == 401
    assert me(client, fresh["access_token"]).status_code == 401
    assert household.get("accounts").status_code == 401
    assert me(client, other_session["access_token"]).status_code == 200


def test_of_concurrent_uses_of_a_refresh_token_at_most_one_wins(
    client: TestClient, household: Household
) -> None:
    token = household.signed_in["refresh_token"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: post(client, "refresh", refresh_token=token), range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    assert me(client, household.token).status_code == 401


@pytest.mark.parametrize("token", ["x", MARKER, "é", "\u0000", "A" * 43])
def test_an_unknown_refresh_token_is_refused(client: TestClient, token: str) -> None:
    answer = post(client, "refresh", refresh_token=token)

    assert answer.status_code == 401
    assert MARKER not in answer.text


def test_an_access_token_is_no_refresh_token_and_the_other_way_round(
    client: TestClient, household: Household
) -> None:
    refresh = household.signed_in["refresh_token"]

    assert me(client, refresh).status_code == 401
    assert post(client, "refresh", refresh_token=household.token).status_code in {401, 422}
    assert household.get("/api/v1/me").status_code == 200


def test_signing_out_ends_the_session_at_once(client: TestClient, household: Household) -> None:
    other = post(client, "login", email=household.email, password=PASSWORD).json

    assert household.post(f"{AUTH}/logout").status_code == 204

    for path in ("/api/v1/me", "/api/v1/organizations", "accounts"):
        answer = household.get(path)
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    spent = post(client, "refresh", refresh_token=household.signed_in["refresh_token"])
    assert spent.status_code == 401
    assert me(client, other["access_token"]).status_code == 200


def test_signing_out_twice_is_no_error(household: Household) -> None:
    assert household.post(f"{AUTH}/logout").status_code == 204
    assert household.post(f"{AUTH}/logout").status_code == 204


def test_an_access_token_expires_and_a_refresh_token_outlives_it(serve: Serve) -> None:
    clock = MovableClock()
    client = serve(clock=clock)
    user = register(client)
    clock.move(minutes=14, seconds=59)
    assert me(client, user.token).status_code == 200

    clock.move(seconds=1)

    answer = me(client, user.token)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert user.get("accounts").status_code == 401
    renewed = post(client, "refresh", refresh_token=user.signed_in["refresh_token"])
    assert me(client, renewed.json["access_token"]).status_code == 200


def test_a_session_ends_when_it_is_not_used_for_long(serve: Serve) -> None:
    clock = MovableClock()
    client = serve(clock=clock, REFRESH_TOKEN_DAYS="7")
    token = register(client).signed_in["refresh_token"]
    for _ in range(3):  # each use prolongs it
        clock.move(days=6)
        token = post(client, "refresh", refresh_token=token).json["refresh_token"]

    clock.move(days=7)

    assert post(client, "refresh", refresh_token=token).status_code == 401


def test_the_lifetime_of_access_tokens_is_a_setting(serve: Serve) -> None:
    clock = MovableClock()
    client = serve(clock=clock, ACCESS_TOKEN_MINUTES="1")
    user = register(client)
    clock.move(seconds=60)

    assert user.signed_in["expires_in"] == 60
    assert me(client, user.token).status_code == 401


def test_a_disabled_user_is_out_at_once(runtime: Runtime, household: Household) -> None:
    disable(runtime, household)

    assert household.get("/api/v1/me").status_code == 401
    assert household.get("accounts").status_code == 401
    refresh = household.signed_in["refresh_token"]
    assert post(household.client, "refresh", refresh_token=refresh).status_code == 401


def test_a_new_password_ends_every_session(runtime: Runtime, household: Household) -> None:
    runtime.users.reset_password(household.email.upper(), "another battery staple")

    assert household.get("/api/v1/me").status_code == 401
    login = {"email": household.email}
    assert post(household.client, "login", **login, password=PASSWORD).status_code == 401
    changed = post(household.client, "login", **login, password="another battery staple")
    assert changed.status_code == 200


def test_my_organizations_are_listed(household: Household) -> None:
    answer = household.get("/api/v1/organizations")

    assert answer.json == {"items": household.signed_in["user"]["memberships"], "next": None}


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("12345678", "too_common"),
        ("        ", "too_common"),
        ("Password123", "too_common"),
        ("victim.of.guesses@example.net", "own_email"),
        ("Victim-of-guesses1", "own_email"),
        ("Guenevere!", "own_email"),
        ("Nest Egg 2026", "product_name"),
    ],
)
def test_a_password_that_is_guessed_first_is_refused(
    client: TestClient, password: str, code: str
) -> None:
    answer = post(
        client,
        "register",
        email="victim.of.guesses@example.net",
        password=password,
        name="Guenevere Pendragon",
    )

    assert answer.status_code == 422
    assert [(one["pointer"], one["code"]) for one in answer.json["errors"]] == [("/password", code)]
    assert password not in answer.text
