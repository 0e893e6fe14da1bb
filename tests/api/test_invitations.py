"""Invitations: who may invite whom, and what a link is worth."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from uuid import UUID

import pytest
from falcon.testing import Result, TestClient
from sqlalchemy import select, update

from nestegg_core.application import Runtime
from nestegg_core.database.tables import credentials, invitations, memberships
from nestegg_testing import MovableClock
from support.household import PASSWORD, Household, register
from support.newcomers import newcomer
from support.serving import Serve
from support.staff import at, change_role, disable, dismiss, hire, invite, join, token_of, user_id

_numbers = count(1)


def address() -> str:
    return f"guest{next(_numbers)}@example.com"


def register_with(client: TestClient, token: str, email: str | None = None) -> Result:
    body = {"email": email or address(), "password": PASSWORD, "invitation": token}
    return client.simulate_post("/api/v1/auth/register", json=body)


def accept(user: Household, token: str) -> Result:
    return user.post("/api/v1/invitations/accept", token=token)


def refused(answer: Result) -> bool:
    kind = "urn:nestegg:problem:invitation-invalid"
    return answer.status_code == 403 and answer.json["type"] == kind


def roles(user: Household) -> dict[str, str]:
    listed = user.get("/api/v1/me").json["memberships"]
    return {one["organization"]["id"]: one["role"] for one in listed}


def test_whoever_registers_with_a_link_joins_and_has_no_household_of_their_own(
    client: TestClient, household: Household
) -> None:
    token = token_of(invite(household, address(), "member")["link"])

    answer = register_with(client, token)

    assert answer.status_code == 201
    assert answer.json["organization"]["id"] == household.org_id
    joined = Household(client, "", dict(answer.json))
    assert roles(joined) == {household.org_id: "member"}
    assert household.get("invitations").json["items"] == []


def test_whoever_is_here_already_accepts_while_signed_in(
    household: Household, stranger: Household
) -> None:
    token = token_of(invite(household, address(), "admin")["link"])

    answer = accept(stranger, token)

    assert (answer.status_code, answer.json["id"]) == (200, household.org_id)
    assert roles(stranger) == {stranger.org_id: "owner", household.org_id: "admin"}


def test_a_user_of_any_provider_accepts(
    runtime: Runtime, client: TestClient, household: Household
) -> None:
    user = newcomer(runtime, client)

    assert accept(user, token_of(invite(household, address())["link"])).status_code == 200
    assert roles(user)[household.org_id] == "viewer"


def test_a_link_is_good_once(client: TestClient, household: Household, stranger: Household) -> None:
    token = token_of(invite(household, address())["link"])
    assert register_with(client, token).status_code == 201

    assert refused(accept(stranger, token))
    assert refused(register_with(client, token))


def test_of_many_at_once_one_gets_in(
    runtime: Runtime, client: TestClient, household: Household
) -> None:
    token = token_of(invite(household, address())["link"])
    users = [newcomer(runtime, client) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(one.status_code for one in pool.map(lambda p: accept(p, token), users))

    assert statuses == [200, 403, 403, 403]


def test_a_newer_invitation_of_the_address_replaces_the_older(
    household: Household, stranger: Household
) -> None:
    email = address()
    older = token_of(invite(household, email, "admin")["link"])
    newer = token_of(invite(household, email.upper(), "viewer")["link"])

    assert refused(accept(stranger, older))
    (listed,) = household.get("invitations").json["items"]
    assert (listed["email"], listed["role"]) == (email.upper(), "viewer")
    assert accept(stranger, newer).status_code == 200


def test_invitations_of_one_address_elsewhere_stay(
    household: Household, stranger: Household
) -> None:
    email = address()
    first = token_of(invite(household, email)["link"])
    invite(stranger, email)

    assert accept(stranger, first).status_code == 200


def test_a_withdrawn_invitation_is_worth_nothing(household: Household, stranger: Household) -> None:
    made = invite(household, address())
    path = f"invitations/{made['id']}"
    assert household.call("DELETE", path, headers={"If-Match": '"2"'}).status_code == 412
    assert household.delete(path, 1).status_code == 204

    assert refused(accept(stranger, token_of(made["link"])))
    assert household.get(path).status_code == 404


def test_after_seven_days_a_link_is_worth_nothing(serve: Serve) -> None:
    clock = MovableClock()
    client = serve(clock=clock)
    owner = register(client, email=address())
    first, second = (token_of(invite(owner, address())["link"]) for _ in range(2))
    clock.move(days=6, hours=23)
    assert register_with(client, first).status_code == 201
    clock.move(hours=2)

    assert refused(register_with(client, second))


@pytest.mark.parametrize("token", ["x", "0" * 43, "é"])
def test_an_unknown_link_is_worth_nothing(
    client: TestClient, household: Household, token: str
) -> None:
    assert refused(accept(household, token))
    assert refused(register_with(client, token))


def test_a_member_keeps_the_role_and_the_link_stays_good(
    household: Household, stranger: Household
) -> None:
    token = token_of(invite(household, address(), "viewer")["link"])

    answer = accept(household, token)

    assert (answer.status_code, answer.json["type"]) == (409, "urn:nestegg:problem:already-member")
    assert roles(household) == {household.org_id: "owner"}
    assert accept(stranger, token).status_code == 200


def test_a_member_is_not_invited_again(household: Household) -> None:
    answer = household.post("invitations", email=household.email.upper(), role="viewer")

    assert (answer.status_code, answer.json["type"]) == (409, "urn:nestegg:problem:already-member")


def test_a_failed_registration_leaves_the_link_good(
    client: TestClient, household: Household, stranger: Household
) -> None:
    token = token_of(invite(household, address())["link"])
    assert register_with(client, token, stranger.email).status_code == 409

    assert register_with(client, token).status_code == 201


@pytest.mark.parametrize(
    ("inviter", "role", "status"),
    [("admin", "owner", 403), ("admin", "admin", 201), ("owner", "owner", 201)],
)
def test_nobody_invites_above_their_own_role(
    staff: dict[str, Household], inviter: str, role: str, status: int
) -> None:
    answer = staff[inviter].post("invitations", email=address(), role=role)

    assert answer.status_code == status


def test_what_the_inviter_may_no_longer_give_nobody_gets(
    runtime: Runtime, client: TestClient, household: Household, stranger: Household
) -> None:
    gone, lowered, disabled = (hire(runtime, client, household, "admin") for _ in range(3))
    tokens = [
        token_of(invite(one, address(), "admin")["link"]) for one in (gone, lowered, disabled)
    ]
    dismiss(runtime, gone)
    change_role(runtime, lowered, "member")
    disable(runtime, disabled)

    assert [refused(accept(stranger, token)) for token in tokens] == [True] * 3


def test_an_owner_s_invitation_to_their_role_ends_when_they_are_an_admin_only(
    runtime: Runtime, client: TestClient, household: Household, stranger: Household
) -> None:
    lowered = hire(runtime, client, household, "owner")
    owner, admin = (
        token_of(invite(lowered, address(), role)["link"]) for role in ("owner", "admin")
    )
    change_role(runtime, lowered, "admin")

    assert refused(accept(stranger, owner))
    assert accept(stranger, admin).status_code == 200


def test_a_link_that_was_shown_verifies_no_address(
    runtime: Runtime, client: TestClient, household: Household
) -> None:
    email = address()
    answer = register_with(client, token_of(invite(household, email)["link"]), email)

    assert verified(runtime, Household(client, email, dict(answer.json))) is False


@pytest.mark.parametrize("same", [True, False])
def test_a_mailed_link_verifies_the_address_if_it_is_the_accounts(
    runtime: Runtime, client: TestClient, household: Household, same: bool
) -> None:
    email = address()
    made = invite(household, email)
    letter = runtime.invitations.message(UUID(made["id"]))
    assert letter is not None
    assert letter.to == email
    mailed = letter.text.partition("#token=")[2].split()[0]
    assert refused(accept(household, token_of(made["link"]))), "the shown link is replaced"

    answer = register_with(client, mailed, email.title() if same else address())

    assert answer.status_code == 201
    assert verified(runtime, Household(client, email, dict(answer.json))) is same


def verified(runtime: Runtime, user: Household) -> bool:
    with runtime.storage.system_transaction(write=False) as tx:
        at = credentials.c.email_verified_at
        stored = select(at).where(credentials.c.user_id == user_id(user))
        return tx.execute(stored).scalar_one() is not None


def test_nothing_of_address_and_token_is_clear_in_the_database(
    runtime: Runtime, household: Household
) -> None:
    made = invite(household, "Clear.Text@example.com")
    with runtime.storage.system_transaction(write=False) as tx:
        found = select(invitations).where(invitations.c.id == UUID(made["id"]))
        stored = repr(tx.execute(found).one()).lower()

    assert "clear.text" not in stored
    assert token_of(made["link"]).lower() not in stored


def test_a_link_is_shown_once(household: Household) -> None:
    key = {"Idempotency-Key": "one-invitation"}
    body = {"email": address(), "role": "viewer"}
    made, again = (household.call("POST", "invitations", json=body, headers=key) for _ in range(2))

    assert made.headers["Cache-Control"] == "no-store"
    assert made.json["link"].startswith("http://127.0.0.1:8000/accept-invitation#token=")
    assert made.json["link"] != again.json["link"]
    read = household.get(f"invitations/{again.json['id']}")
    assert "link" not in read.json
    assert token_of(again.json["link"]) not in household.get("invitations").text


def test_a_membership_by_link_is_like_any_other(
    runtime: Runtime, client: TestClient, household: Household
) -> None:
    joined = at(Household(client, "", join(household, "member")), household.org_id)
    assert joined.post("categories", name="Joined").status_code == 201

    with runtime.storage.system_transaction(write=True) as tx:
        role = update(memberships).where(memberships.c.user_id == user_id(joined))
        tx.execute(role.values(role="viewer"))

    assert joined.post("categories", name="Later").status_code == 403
