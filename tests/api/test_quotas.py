"""Quotas: so many of a thing and no more, also for requests that come at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from falcon.testing import Result, TestClient

from nestegg_core.api.app import create_app
from support.household import PASSWORD, Household
from support.newcomers import newcomer
from support.serving import Serve
from support.smtp import mail_server
from support.staff import at, invite, token_of

ACCOUNT = {"type": "cash", "currency": "EUR", "opening_balance": "0"}
LIMIT = 3


def account(user: Household, number: int) -> Result:
    return user.post("accounts", name=f"Purse {number}", **ACCOUNT)


def category(user: Household, number: int) -> Result:
    return user.post("categories", name=f"Kind {number}", kind="expense")


def organization(user: Household, number: int) -> Result:
    return user.post("/api/v1/organizations", name=f"Company {number}")


def invitation(user: Household, number: int) -> Result:
    body = {"email": f"quota{number}.{user.email}", "role": "viewer"}
    return user.post("invitations", **body)


def token(user: Household, number: int) -> Result:
    return user.post("/api/v1/me/tokens", name=f"Script {number}", scopes=["accounts:read"])


def quota_of(answer: Result) -> str:
    """Return the name of the quota that an answer says is used up."""
    assert answer.json["type"] == "urn:nestegg:problem:quota-exceeded", answer.text
    (error,) = answer.json["errors"]
    return str(error["code"])


KINDS: list[Any] = [
    pytest.param(account, "MAX_ACCOUNTS_PER_ORGANIZATION", 0, id="accounts"),
    pytest.param(category, "MAX_CATEGORIES_PER_ORGANIZATION", None, id="categories"),
    pytest.param(organization, "MAX_ORGANIZATIONS_PER_USER", 1, id="organizations"),
    pytest.param(invitation, "MAX_INVITATIONS_PER_ORGANIZATION", 0, id="invitations"),
    pytest.param(token, "MAX_PERSONAL_TOKENS_PER_USER", 0, id="tokens"),
]


@pytest.mark.parametrize(("make", "setting", "there"), KINDS)
def test_many_at_once_do_not_pass_the_limit(
    serve: Serve,
    household: Household,
    make: Callable[[Household, int], Result],
    setting: str,
    there: int | None,
) -> None:
    if there is None:  # the starting set of categories
        there = len(household.get("categories", limit="200").json["items"])
    client = serve(**{setting: str(there + LIMIT)})
    user = Household(client, household.email, household.signed_in)
    barrier = Barrier(6)

    def together(number: int) -> Result:
        barrier.wait()
        return make(user, number)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(together, range(6)))

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] * LIMIT + [422] * 3
    refused = [answer for answer in answers if answer.status_code == 422]
    assert {quota_of(answer) for answer in refused} == {setting.lower()}
    assert setting in refused[0].json["detail"]


def test_an_invited_user_comes_in_while_there_is_room_and_the_link_stays_good(
    serve: Serve, household: Household, stranger: Household
) -> None:
    client = serve(MAX_MEMBERS_PER_ORGANIZATION="1")
    link = token_of(invite(household, f"room.{stranger.email}")["link"])
    knocking = Household(client, stranger.email, stranger.signed_in)
    full = knocking.post("/api/v1/invitations/accept", token=link)
    assert (full.status_code, quota_of(full)) == (422, "max_members_per_organization")
    body = {"email": f"new.{stranger.email}", "password": PASSWORD, "invitation": link}
    assert client.simulate_post("/api/v1/auth/register", json=body).status_code == 422

    assert stranger.post("/api/v1/invitations/accept", token=link).status_code == 200
    assert at(stranger, household.org_id).get("accounts").status_code == 200


def test_who_is_in_enough_organizations_joins_no_further_one(
    serve: Serve, household: Household, stranger: Household
) -> None:
    link = token_of(invite(household, f"full.{stranger.email}")["link"])
    client = serve(MAX_ORGANIZATIONS_PER_USER="1")
    user = Household(client, stranger.email, stranger.signed_in)

    full = user.post("/api/v1/invitations/accept", token=link)

    assert (full.status_code, quota_of(full)) == (422, "max_organizations_per_user")
    assert len(user.get("/api/v1/me").json["memberships"]) == 1


def limited_by(answer: Result) -> str:
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    (error,) = answer.json["errors"]
    return str(error["code"])


def test_one_address_registers_so_many_and_whoever_is_invited_comes_in_all_the_same(
    serve: Serve, household: Household
) -> None:
    client = serve(REGISTRATIONS_PER_HOUR="2")

    def comes(number: int, client: TestClient = client, **body: str) -> Result:
        values = {"email": f"comer{number}.{household.email}", "password": PASSWORD, **body}
        return client.simulate_post("/api/v1/auth/register", json=values)

    assert [comes(number).status_code for number in range(2)] == [201, 201]
    assert limited_by(comes(2)) == "registrations_per_hour"
    link = token_of(invite(household, f"guest.{household.email}")["link"])
    assert comes(3, invitation=link).status_code == 201


def test_new_users_do_not_widen_how_many_invitations_one_address_has_mailed(
    serve: Serve,
) -> None:
    with mail_server() as box:
        made = serve.runtime(
            SMTP_HOST="127.0.0.1",
            SMTP_PORT=str(box.port),
            SMTP_SECURITY="none",
            MAIL_FROM="nestegg@example.org",
            INVITATIONS_PER_HOUR="2",
        )
        client = TestClient(create_app(made))
        users = [newcomer(made, client) for _ in range(3)]
        answers = [
            user.post("invitations", email=f"spam{number}@example.net", role="viewer")
            for number, user in enumerate(users)
        ]
        made.mail_queue.close()

    assert [answer.status_code for answer in answers[:2]] == [201, 201]
    assert limited_by(answers[2]) == "invitations_per_hour"
    assert len(box.received) == 2
