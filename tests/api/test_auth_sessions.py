"""One sees where one is signed in, and ends it there; a new password ends it elsewhere."""

from typing import Any
from uuid import UUID

import pytest
from falcon.testing import Result, TestClient
from sqlalchemy import select

from nestegg_core.application import Runtime
from nestegg_core.auth.builtin.sessions import Device
from nestegg_core.auth.builtin.sign_in import SignInLimits
from nestegg_core.database.tables import sessions
from nestegg_core.encryption.blind_index import BlindIndex, stored_root
from nestegg_core.users.emails import EMAIL_INDEX
from nestegg_testing import MovableClock
from support.household import PASSWORD, Household, register
from support.newcomers import newcomer
from support.serving import Serve
from support.staff import user_id

SESSIONS = "/api/v1/me/sessions"
NEW = "another battery staple"


def login(user: Household, password: str = PASSWORD, **arguments: Any) -> Result:
    body = {"email": user.email, "password": password}
    return user.client.simulate_post("/api/v1/auth/login", json=body, **arguments)


def also(user: Household, **arguments: Any) -> Household:
    """Sign the same user in once more."""
    answer = login(user, **arguments)
    assert answer.status_code == 200, answer.text
    return Household(user.client, user.email, {**user.signed_in, **answer.json})


def listed(user: Household) -> list[dict[str, Any]]:
    answer = user.get(SESSIONS)
    assert answer.status_code == 200, answer.text
    assert all(part not in answer.text for part in ("token", user.token))
    return list(answer.json["items"])


def is_in(user: Household) -> bool:
    return user.get("/api/v1/me").status_code == 200


def refresh(user: Household, **arguments: Any) -> Result:
    body = {"refresh_token": user.signed_in["refresh_token"]}
    return user.client.simulate_post("/api/v1/auth/refresh", json=body, **arguments)


def test_sessions_tell_where_they_are_and_which_is_the_present_one(household: Household) -> None:
    phone = also(household, remote_addr="192.0.2.7", headers={"User-Agent": "phone/1"})

    newest, first = listed(phone)
    assert (newest["user_agent"], newest["address"]) == ("phone/1", "192.0.2.7")
    assert (newest["current"], first["current"]) == (True, False)
    assert [one["current"] for one in listed(household)] == [False, True]
    assert set(newest) == {
        *("id", "current", "user_agent", "address", "created_at", "last_used_at", "expires_at")
    }


def test_an_address_and_a_program_are_stored_sealed(runtime: Runtime, household: Household) -> None:
    phone = also(household, remote_addr="192.0.2.7", headers={"User-Agent": "phone/1"})
    session_id = UUID(listed(phone)[0]["id"])
    with runtime.storage.system_transaction(write=False) as tx:
        row = tx.execute(select(sessions).where(sessions.c.id == session_id)).one()

    assert len(row.address_index) == 32
    assert "192.0.2.7" not in repr(row)
    assert "phone" not in repr(row)


def test_an_endless_name_of_a_program_is_cut(household: Household) -> None:
    chatty = also(household, headers={"User-Agent": "x" * 5000})

    assert listed(chatty)[0]["user_agent"] == "x" * 400


def test_refreshing_tells_where_a_session_is_now(serve: Serve) -> None:
    clock = MovableClock()
    user = register(serve(clock=clock))
    (before,) = listed(user)
    clock.move(minutes=5)

    assert refresh(user, remote_addr="192.0.2.9").status_code == 200

    (after,) = listed(user)
    assert after["address"] == "192.0.2.9"
    assert after["last_used_at"] > before["last_used_at"] == before["created_at"]


def test_sessions_come_in_pages_and_only_ones_own(
    household: Household, stranger: Household
) -> None:
    also(household)
    also(stranger)
    first = household.get(SESSIONS, limit=1).json
    second = household.get(SESSIONS, limit=1, cursor=first["next"]).json

    assert [one["current"] for one in (*first["items"], *second["items"])] == [False, True]
    assert second["next"] is None


def test_a_session_that_is_over_is_not_listed(serve: Serve) -> None:
    clock = MovableClock()
    user = register(serve(clock=clock, REFRESH_TOKEN_DAYS="1"))
    clock.move(days=2)
    again = also(user)

    (left,) = listed(again)
    assert left["current"]


def test_ending_a_session_ends_its_tokens(household: Household) -> None:
    phone = also(household)
    (other,) = [one for one in listed(household) if not one["current"]]

    assert household.call("DELETE", f"{SESSIONS}/{other['id']}").status_code == 204

    assert (is_in(phone), is_in(household)) == (False, True)
    assert refresh(phone).status_code == 401
    assert household.call("DELETE", f"{SESSIONS}/{other['id']}").status_code == 404


def test_the_present_session_can_be_ended_too(household: Household) -> None:
    (present,) = listed(household)

    assert household.call("DELETE", f"{SESSIONS}/{present['id']}").status_code == 204
    assert not is_in(household)


def test_nobody_ends_anothers_session(household: Household, stranger: Household) -> None:
    (theirs,) = listed(stranger)

    assert household.call("DELETE", f"{SESSIONS}/{theirs['id']}").status_code == 404
    assert is_in(stranger)


def test_all_other_sessions_end_at_once(household: Household, stranger: Household) -> None:
    others = [also(household), also(household)]

    assert household.call("DELETE", SESSIONS).status_code == 204

    assert [is_in(one) for one in (household, stranger, *others)] == [True, True, False, False]
    assert len(listed(household)) == 1


def change(user: Household, old: str, new: str) -> Result:
    return user.post("/api/v1/me/password", old_password=old, new_password=new)


def test_a_new_password_counts_and_ends_the_other_sessions(household: Household) -> None:
    phone = also(household)

    answer = change(household, PASSWORD, NEW)
    assert answer.status_code == 200
    assert answer.json == {"sessions_ended": 1, "personal_tokens_ended": 0}

    assert (is_in(household), is_in(phone)) == (True, False)
    assert refresh(phone).status_code == 401
    assert refresh(household).status_code == 200
    assert login(household).status_code == 401
    assert login(household, NEW).status_code == 200


@pytest.mark.parametrize("keep", [False, True])
def test_a_new_password_ends_personal_tokens_unless_one_keeps_them(
    household: Household, keep: bool
) -> None:
    body = {"name": "Script", "scopes": ["account:read"]}
    made = [household.post("/api/v1/me/tokens", **body).json["token"] for _ in range(2)]

    answer = household.post(
        "/api/v1/me/password", old_password=PASSWORD, new_password=NEW, keep_personal_tokens=keep
    )

    assert answer.json["personal_tokens_ended"] == (0 if keep else 2)
    for token in made:
        bearer = {"Authorization": f"Bearer {token}"}
        after = household.client.simulate_get("/api/v1/me", headers=bearer)
        assert after.status_code == (200 if keep else 401)


@pytest.mark.parametrize(
    ("old", "new", "pointer"),
    [
        ("a guess", NEW, "/old_password"),
        (PASSWORD, "tiny", "/new_password"),
        (PASSWORD, "12345678", "/new_password"),
    ],
)
def test_a_password_that_is_refused_changes_nothing(
    household: Household, old: str, new: str, pointer: str
) -> None:
    phone = also(household)
    answer = change(household, old, new)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert not any(secret in answer.text for secret in (old, new))
    assert is_in(phone)
    assert login(household).status_code == 200


def test_the_old_password_cannot_be_guessed_by_who_holds_a_token(
    runtime: Runtime, household: Household, stranger: Household
) -> None:
    for _ in range(9):
        runtime.password_change.count(user_id(household))
    assert change(household, "a guess", NEW).status_code == 422

    refused = change(household, PASSWORD, NEW)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 900
    assert refused.json["type"] == "urn:nestegg:problem:too-many-requests"
    assert change(stranger, PASSWORD, NEW).status_code == 200


def test_who_has_no_password_here_changes_none(runtime: Runtime, client: TestClient) -> None:
    answer = change(newcomer(runtime, client), PASSWORD, NEW)

    assert answer.status_code == 409
    assert answer.json["type"] == "urn:nestegg:problem:no-password"


@pytest.mark.parametrize("exists", [True, False])
def test_guessing_from_one_address_is_limited_there_alone(
    runtime: Runtime, household: Household, exists: bool
) -> None:
    email = household.email if exists else f"no.{household.email}"
    body = {"email": email, "password": "a guess"}

    def guess() -> Result:
        return household.client.simulate_post(
            "/api/v1/auth/login", json=body, remote_addr="192.0.2.66"
        )

    account = BlindIndex(lambda: stored_root(runtime.storage, runtime.rows)).of(EMAIL_INDEX, email)
    for _ in range(8):
        SignInLimits(runtime.rate_limits).admit(account, Device("192.0.2.66"), known=False)
    assert [guess().status_code for _ in range(2)] == [401, 401]
    refused = guess()
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 900
    assert login(household).status_code == 200


def test_behind_a_proxy_users_are_told_apart(serve: Serve) -> None:
    user = register(serve(FORWARDED_ALLOW_IPS="10.0.0.1"))
    by_proxy = {"remote_addr": "10.0.0.1", "headers": {"X-Forwarded-For": "192.0.2.7"}}
    spoofed = {"remote_addr": "192.0.2.8", "headers": {"X-Forwarded-For": "192.0.2.9"}}

    assert listed(also(user, **by_proxy))[0]["address"] == "192.0.2.7"
    assert listed(also(user, **spoofed))[0]["address"] == "192.0.2.8"
