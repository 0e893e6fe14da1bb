"""A second factor: begun, confirmed, asked for at sign-in, recovered, removed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from falcon.testing import Result, TestClient
from sqlalchemy import select

from nestegg_core.application import Runtime
from nestegg_core.database.tables import recovery_codes, second_factors
from nestegg_testing import MovableClock
from support.authenticator import PATH, Authenticator, authenticator
from support.household import PASSWORD, Household, register
from support.newcomers import newcomer
from support.serving import Serve, serving
from support.staff import user_id

KIND = "urn:nestegg:problem:"


@dataclass
class Guarded:
    """Somebody whose second factor is on.

    Attributes:
        clock: of the server.
        codes: recovery codes.
    """

    user: Household
    app: Authenticator
    clock: MovableClock
    codes: list[str]

    def code(self) -> str:
        """Return the code of the server's present moment."""
        return self.app.code(at=self.clock().timestamp())

    def next_code(self) -> str:
        """Let time pass, and return a code that was not shown before."""
        self.clock.move(seconds=30)
        return self.code()

    def login(self, code: str | None = None, password: str = PASSWORD) -> Result:
        body = {"email": self.user.email, "password": password, "code": code}
        body = {name: value for name, value in body.items() if value is not None}
        return self.user.client.simulate_post("/api/v1/auth/login", json=body)

    def state(self) -> dict[str, Any]:
        answer = self.user.get(PATH)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def remove(self, code: str, password: str = PASSWORD) -> Result:
        return self.user.post(f"{PATH}/remove", password=password, code=code)


@pytest.fixture(scope="module")
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="module")
def server(
    runtime: Runtime, variables: dict[str, str], clock: MovableClock
) -> Iterator[TestClient]:
    """A server over the shared database, whose clock these tests move."""
    del runtime
    with serving(variables) as serve:
        yield serve(clock=clock)


@pytest.fixture
def user(server: TestClient) -> Household:
    return register(server)


@pytest.fixture
def guarded(user: Household, clock: MovableClock) -> Guarded:
    app = authenticator(user)
    confirmed = user.post(f"{PATH}/confirm", code=app.code(at=clock().timestamp()))
    assert confirmed.status_code == 200, confirmed.text
    assert confirmed.headers["Cache-Control"] == "no-store"
    return Guarded(user, app, clock, confirmed.json["recovery_codes"])


def refused(answer: Result, status: int, kind: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json["type"] == KIND + kind


def test_a_factor_that_is_not_confirmed_is_off(user: Household) -> None:
    begun = user.post(PATH, password=PASSWORD)

    assert begun.headers["Cache-Control"] == "no-store"
    assert begun.json["secret"] in begun.json["uri"]
    assert begun.json["uri"].startswith("otpauth://totp/Nest%20Egg:")
    off = {"enabled": False, "enabled_at": None, "recovery_codes_left": 0}
    assert user.get(PATH).json == off
    login = {"email": user.email, "password": PASSWORD}
    assert user.client.simulate_post("/api/v1/auth/login", json=login).status_code == 200


def test_beginning_needs_the_password(user: Household) -> None:
    answer = user.post(PATH, password="a guess")

    refused(answer, 422, "invalid-input")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/password"]


def test_beginning_again_replaces_what_was_not_confirmed(
    user: Household, clock: MovableClock
) -> None:
    first, second = authenticator(user), authenticator(user)
    now = clock().timestamp()

    assert user.post(f"{PATH}/confirm", code=first.code(at=now)).status_code == 422
    assert user.post(f"{PATH}/confirm", code=second.code(at=now)).status_code == 200


def test_a_confirmed_factor_is_neither_begun_nor_confirmed_again(guarded: Guarded) -> None:
    user = guarded.user

    refused(user.post(PATH, password=PASSWORD), 409, "second-factor-on")
    again = user.post(f"{PATH}/confirm", code=guarded.next_code())
    refused(again, 409, "no-second-factor-begun")
    assert guarded.state()["recovery_codes_left"] == 10


def test_recovery_codes_are_many_long_and_different(guarded: Guarded) -> None:
    assert len(set(guarded.codes)) == 10
    for code in guarded.codes:
        letters = code.replace("-", "")
        assert len(letters) == 16  # of 32 different ones: 80 bits
        assert set(letters) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def test_what_is_stored_gives_no_code_away(runtime: Runtime, guarded: Guarded) -> None:
    owner = user_id(guarded.user)
    with runtime.storage.system_transaction(write=False) as tx:
        factor = tx.execute(select(second_factors).where(second_factors.c.user_id == owner)).one()
        codes = tx.execute(select(recovery_codes).where(recovery_codes.c.user_id == owner)).all()

    assert guarded.app.secret not in repr(factor)
    assert len(codes) == 10
    assert {len(row.code_hash) for row in codes} == {32}
    assert not any(code in repr(codes) for code in guarded.codes)


def test_a_sign_in_asks_for_a_code_once_the_password_is_right(guarded: Guarded) -> None:
    asked = guarded.login()

    refused(asked, 401, "second-factor-required")
    assert asked.headers["WWW-Authenticate"] == 'Bearer realm="nestegg"'
    for code in (None, guarded.next_code()):
        refused(guarded.login(code, password="a guess"), 401, "unauthenticated")
    assert guarded.login(guarded.code()).status_code == 200


def test_a_wrong_code_opens_no_session(guarded: Guarded) -> None:
    for wrong in ("000000", "abcdef", "AAAA-AAAA-AAAA-AAAA", "é"):
        refused(guarded.login(wrong), 401, "second-factor-wrong")

    assert len(guarded.user.get("/api/v1/me/sessions").json["items"]) == 1


def test_a_code_is_good_once_and_so_is_none_before_it(guarded: Guarded) -> None:
    refused(guarded.login(guarded.code()), 401, "second-factor-wrong")  # it has confirmed
    guarded.clock.move(seconds=30)
    older = guarded.code()
    assert guarded.login(guarded.next_code()).status_code == 200
    refused(guarded.login(guarded.code()), 401, "second-factor-wrong")
    refused(guarded.login(older), 401, "second-factor-wrong")
    assert guarded.login(guarded.next_code()).status_code == 200


def test_a_code_may_be_typed_with_spaces(guarded: Guarded) -> None:
    code = guarded.next_code()

    assert guarded.login(f" {code[:3]} {code[3:]}").status_code == 200


def test_a_recovery_code_signs_in_once_and_tells_how_many_are_left(guarded: Guarded) -> None:
    code = guarded.codes[3]
    answer = guarded.login(f" {code.lower().replace('-', ' ')}")

    assert answer.status_code == 200
    assert answer.json["recovery_codes_left"] == 9
    assert guarded.state()["recovery_codes_left"] == 9
    refused(guarded.login(code), 401, "second-factor-wrong")
    assert "recovery_codes_left" not in guarded.login(guarded.next_code()).json


def test_nobody_uses_anothers_recovery_code(guarded: Guarded) -> None:
    other = register(guarded.user.client)
    app = authenticator(other)
    now = guarded.clock().timestamp()
    assert other.post(f"{PATH}/confirm", code=app.code(at=now)).status_code == 200

    theirs = Guarded(other, app, guarded.clock, [])
    refused(theirs.login(guarded.codes[0]), 401, "second-factor-wrong")


def test_wrong_codes_are_limited_like_wrong_passwords(guarded: Guarded) -> None:
    for _ in range(10):
        refused(guarded.login("000000"), 401, "second-factor-wrong")

    answer = guarded.login(guarded.next_code())
    refused(answer, 429, "too-many-requests")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("recovering", [False, True])
def test_password_and_code_remove_the_factor(guarded: Guarded, recovering: bool) -> None:
    code = guarded.codes[0] if recovering else guarded.next_code()

    assert guarded.remove(code).status_code == 204
    assert guarded.state() == {"enabled": False, "enabled_at": None, "recovery_codes_left": 0}
    assert guarded.login().status_code == 200
    refused(guarded.remove(guarded.next_code()), 409, "no-second-factor")


def test_neither_password_nor_code_alone_removes_it(guarded: Guarded) -> None:
    for code, password, pointer in (
        ("000000", PASSWORD, "/code"),
        (guarded.next_code(), "a guess", "/password"),
    ):
        answer = guarded.remove(code, password)
        refused(answer, 422, "invalid-input")
        assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert guarded.state()["enabled"]


def test_who_holds_a_token_cannot_guess_the_code(guarded: Guarded) -> None:
    statuses = [guarded.remove("000000").status_code for _ in range(6)]

    assert statuses == [422, 422, 422, 422, 429, 429]
    refused(guarded.remove(guarded.next_code()), 429, "too-many-requests")


def test_a_code_that_was_used_is_not_good_for_removal(guarded: Guarded) -> None:
    code = guarded.next_code()
    assert guarded.login(code).status_code == 200

    refused(guarded.remove(code), 422, "invalid-input")


def test_nothing_begun_is_nothing_to_confirm_or_remove(user: Household) -> None:
    refused(user.post(f"{PATH}/confirm", code="123456"), 409, "no-second-factor-begun")
    removal = user.post(f"{PATH}/remove", password=PASSWORD, code="123456")
    refused(removal, 409, "no-second-factor")


def test_who_has_no_password_here_begins_none(runtime: Runtime, client: TestClient) -> None:
    refused(newcomer(runtime, client).post(PATH, password=PASSWORD), 409, "no-password")


def test_without_the_builtin_provider_there_is_nothing_of_it(serve: Serve) -> None:
    keycloak = {
        "IDP_KEYCLOAK_ISSUER": "https://sso.example.org/realms/home",
        "IDP_KEYCLOAK_CLIENT_ID": "nestegg",
        "IDP_KEYCLOAK_PROVISION": "true",
    }
    elsewhere = serve(IDENTITY_PROVIDER_CHAIN="keycloak", **keycloak)
    for path in ("sessions", "second-factor"):
        assert elsewhere.simulate_get(f"/api/v1/me/{path}").status_code == 404
    assert elsewhere.simulate_post("/api/v1/me/password", json={}).status_code == 404
