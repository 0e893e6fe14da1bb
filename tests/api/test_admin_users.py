"""Users, for administrators of the instance: who may come in, and who administers."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from falcon.testing import Result, TestClient

from nestegg_core import Identity, IdentityProviderRegistration, NotMine, Valid, Verdict, hookimpl
from nestegg_core.application import Runtime
from nestegg_core.builtins import NoSettings
from support.household import PASSWORD, Household, register
from support.serving import Serve
from support.staff import promote, user_id

USERS = "/api/v1/admin/users"


@pytest.fixture
def admin(runtime: Runtime, client: TestClient) -> Household:
    user = register(client)
    promote(runtime, user)
    return user


def one(user: Household) -> str:
    return f"{USERS}/{user_id(user)}"


def test_a_page_shows_everybody_the_oldest_first(admin: Household, household: Household) -> None:
    listed = _everybody(admin)
    ids = [row["id"] for row in listed]
    assert ids == sorted(set(ids))
    (row,) = (row for row in listed if row["email"] == household.email)
    assert row["id"] == str(user_id(household))
    assert (row["is_admin"], row["disabled"], row["version"]) == (False, False, 1)


def test_a_disabled_user_is_refused_and_signed_out_and_may_come_back(
    admin: Household, household: Household
) -> None:
    made = household.post("/api/v1/me/tokens", name="Script", scopes=["account:read"]).json
    token = {"Authorization": f"Bearer {made['token']}"}
    login = {"email": household.email, "password": PASSWORD}
    client = household.client

    disabled = admin.patch(one(household), 1, disabled=True)

    assert (disabled.status_code, disabled.json["disabled"]) == (200, True)
    assert disabled.headers["ETag"] == '"2"'
    for path in ("/api/v1/me", "/api/v1/organizations", "accounts", "/api/v1/me/tokens"):
        assert household.get(path).status_code == 401
    assert client.simulate_get("/api/v1/me", headers=token).status_code == 401
    assert client.simulate_post("/api/v1/auth/login", json=login).status_code == 401
    refresh = {"refresh_token": household.signed_in["refresh_token"]}
    assert client.simulate_post("/api/v1/auth/refresh", json=refresh).status_code == 401

    assert admin.patch(one(household), 2, disabled=False).json["disabled"] is False

    assert household.get("/api/v1/me").status_code == 401, "the session of before is over"
    assert client.simulate_post("/api/v1/auth/refresh", json=refresh).status_code == 401
    assert client.simulate_post("/api/v1/auth/login", json=login).status_code == 200
    assert client.simulate_get("/api/v1/me", headers=token).status_code == 200


def test_another_process_refuses_a_disabled_user_at_once(
    serve: Serve, admin: Household, household: Household
) -> None:
    elsewhere = Household(serve(), household.email, household.signed_in)
    assert elsewhere.get("accounts").status_code == 200

    admin.patch(one(household), 1, disabled=True)

    assert elsewhere.get("accounts").status_code == 401
    assert elsewhere.get("/api/v1/me/tokens").status_code == 401


def test_a_disabled_user_of_another_provider_is_refused_whatever_the_token_says(
    serve: Serve, admin: Household
) -> None:
    acme = serve(plugins={"idp_acme": _acme()}, IDENTITY_PROVIDER_CHAIN="acme,builtin")

    def ask(path: str) -> Result:
        return acme.simulate_get(path, headers={"Authorization": "Bearer boss"})

    boss = ask("/api/v1/me").json["id"]
    assert ask("/api/v1/admin/plugins").status_code == 200
    row = next(row for row in _everybody(admin) if row["id"] == boss)

    admin.patch(f"{USERS}/{boss}", row["version"], disabled=True)

    for path in ("/api/v1/me", "/api/v1/admin/plugins", "/api/v1/me/tokens"):
        assert ask(path).status_code == 401
    admin.patch(f"{USERS}/{boss}", row["version"] + 1, disabled=False)


def test_a_mark_is_given_and_taken_and_counts_at_once(
    admin: Household, household: Household
) -> None:
    assert household.get(USERS).status_code == 403

    given = admin.patch(one(household), 1, is_admin=True)

    assert (given.status_code, given.json["is_admin"]) == (200, True)
    assert household.get(USERS).status_code == 200
    assert household.patch(one(household), 2, is_admin=False).status_code == 200
    assert household.get(USERS).status_code == 403


@pytest.mark.parametrize("change", [{"is_admin": False}, {"disabled": True}])
def test_the_last_administrator_stays_one(serve_fresh: Serve, change: dict[str, bool]) -> None:
    last, second = _two_of(serve_fresh)
    assert last.patch(one(second), 1, disabled=True).status_code == 200, "one is left"

    refused = last.patch(one(last), 1, **change)

    assert refused.status_code == 409
    assert refused.json["type"] == "urn:nestegg:problem:last-administrator"
    (row,) = (row for row in _everybody(last) if row["id"] == str(user_id(last)))
    assert (row["is_admin"], row["disabled"], row["version"]) == (True, False, 1)
    assert last.patch(one(second), 2, disabled=False).status_code == 200
    assert last.patch(one(last), 1, **change).status_code == 200


def test_two_administrators_who_dismiss_each_other_at_once_leave_one(serve_fresh: Serve) -> None:
    first, second = _two_of(serve_fresh)
    with ThreadPoolExecutor(2) as pool:
        tries = [
            pool.submit(asking.patch, one(other), 1, is_admin=False)
            for asking, other in ((first, second), (second, first))
        ]
    statuses = sorted(done.result().status_code for done in tries)

    # The second comes either too late to be the last, or is no administrator any more.
    assert statuses in ([200, 403], [200, 409])


def test_a_change_asks_for_the_version_that_was_read(
    admin: Household, household: Household
) -> None:
    without = admin.call("PATCH", one(household), json={"disabled": True})
    assert without.status_code == 428
    assert admin.patch(one(household), 7, disabled=True).status_code == 412
    assert household.get("/api/v1/me").status_code == 200
    absent = f"{USERS}/018f2b6e-6f0a-7c3e-9c1d-2a5b7d9e4f10"
    assert admin.patch(absent, 1, disabled=True).status_code == 404


def test_who_was_disabled_before_stays_so_and_nothing_else_changes(
    admin: Household, household: Household
) -> None:
    for version in (1, 2):
        changed = admin.patch(one(household), version, disabled=True).json
    assert (changed["disabled"], changed["is_admin"], changed["version"]) == (True, False, 3)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"disabled": "yes", "is_admin": None}, ["/disabled", "/is_admin"]),
        ({"email": "marker7f3a"}, ["/email"]),
    ],
)
def test_a_bad_change_names_every_bad_field(
    admin: Household, household: Household, body: dict[str, object], named: list[str]
) -> None:
    answer = admin.patch(one(household), 1, **body)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == named
    assert "marker7f3a" not in answer.text


def _everybody(admin: Household) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = admin.get(USERS, limit=20, **cursor).json
        rows += page["items"]
        if page["next"] is None:
            return rows
        cursor = {"cursor": page["next"]}


def _two_of(serve_fresh: Serve) -> tuple[Household, Household]:
    """Return the two administrators of an instance that has nobody else."""
    runtime = serve_fresh.runtime()
    runtime.storage.upgrade()
    runtime.check_keys()
    client = serve_fresh()
    users = register(client), register(client)
    for user in users:
        promote(runtime, user)
    return users


class _Acme:
    """An identity provider that knows one administrator."""

    issuers = ("https://bosses.example",)

    def authenticate(self, token: str) -> Verdict:
        if token != "boss":
            return NotMine()
        soon = datetime.now(UTC) + timedelta(hours=1)
        return Valid(
            Identity(
                "acme", self.issuers[0], "boss", expires_at=soon, is_admin=True, may_provision=True
            )
        )


def _acme() -> ModuleType:
    plugin = ModuleType("idp_acme")

    @hookimpl
    def nestegg_identity_providers() -> list[IdentityProviderRegistration]:
        return [IdentityProviderRegistration("acme", NoSettings, lambda _: _Acme())]

    plugin.nestegg_identity_providers = nestegg_identity_providers  # type: ignore[attr-defined]
    return plugin
