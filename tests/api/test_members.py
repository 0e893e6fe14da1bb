"""Members: who changes whom, and that an organization keeps an owner."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from falcon.testing import Result, TestClient
from sqlalchemy import update

from nestegg_core.application import Runtime
from nestegg_core.database.tables import memberships
from support.household import Household, register
from support.newcomers import newcomer
from support.serving import Serve
from support.staff import at, disable, hire, user_id


def path(user: Household) -> str:
    return f"members/{user_id(user)}"


def give(by: Household, to: Household, role: str, version: int = 1) -> Result:
    return by.patch(path(to), version, role=role)


def take_out(by: Household, whom: Household, version: int = 1) -> Result:
    return by.delete(path(whom), version)


def employ(runtime: Runtime, client: TestClient, owner: Household, role: str) -> Household:
    return hire(runtime, client, owner, role, newcomer(runtime, client))


def problem(answer: Result) -> str:
    return str(answer.json["type"]).removeprefix("urn:nestegg:problem:")


@pytest.fixture
def crew(runtime: Runtime, client: TestClient, household: Household) -> dict[str, Household]:
    roles = ("admin", "member", "viewer")
    return {"owner": household, **{one: employ(runtime, client, household, one) for one in roles}}


def test_everyone_sees_who_belongs_to_it(crew: dict[str, Household]) -> None:
    first = crew["viewer"].get("members", limit=3).json
    rest = crew["viewer"].get("members", limit=3, cursor=first["next"]).json

    listed = [*first["items"], *rest["items"]]
    assert {one["user_id"]: one["role"] for one in listed} == {
        str(user_id(user)): role for role, user in crew.items()
    }
    assert (listed[0]["email"], listed[1]["email"]) == (crew["owner"].email, None)
    assert rest["next"] is None
    assert crew["viewer"].get(path(crew["owner"])).json == listed[0]


def test_a_new_role_holds_and_counts_as_a_version(crew: dict[str, Household]) -> None:
    answer = give(crew["owner"], crew["viewer"], "member")

    assert (answer.json["role"], answer.json["version"]) == ("member", 2)
    assert crew["viewer"].post("categories", name="Mine").status_code == 201
    assert give(crew["owner"], crew["viewer"], "viewer").status_code == 412


@pytest.mark.parametrize(
    ("by", "whom", "role", "status"),
    [
        ("admin", "member", "admin", 200),
        ("admin", "member", "owner", 403),
        ("admin", "owner", "viewer", 403),
        ("admin", "admin", "owner", 403),
        ("admin", "admin", "viewer", 200),
        ("owner", "member", "owner", 200),
        ("member", "viewer", "member", 403),
        ("member", "member", "admin", 403),
        ("viewer", "viewer", "owner", 403),
    ],
)
def test_nobody_gives_or_takes_above_their_own_role(
    crew: dict[str, Household], by: str, whom: str, role: str, status: int
) -> None:
    assert give(crew[by], crew[whom], role).status_code == status


@pytest.mark.parametrize(
    ("by", "whom", "status"),
    [
        ("owner", "admin", 204),
        ("admin", "member", 204),
        ("admin", "owner", 403),
        ("member", "viewer", 403),
        ("viewer", "owner", 403),
    ],
)
def test_nobody_takes_out_who_is_above_them(
    crew: dict[str, Household], by: str, whom: str, status: int
) -> None:
    assert take_out(crew[by], crew[whom]).status_code == status
    left = {one["role"] for one in crew["owner"].get("members").json["items"]}
    assert (whom in left) == (status != 204)


@pytest.mark.parametrize("role", ["admin", "member", "viewer"])
def test_everyone_may_leave(crew: dict[str, Household], role: str) -> None:
    assert take_out(crew[role], crew[role]).status_code == 204
    assert crew[role].get("accounts").status_code == 404
    assert take_out(crew[role], crew[role]).status_code == 404


def test_leaving_needs_its_version_too(crew: dict[str, Household]) -> None:
    assert crew["viewer"].call("DELETE", path(crew["viewer"])).status_code == 428
    assert take_out(crew["viewer"], crew["viewer"], 7).status_code == 412


def test_the_last_owner_stays(crew: dict[str, Household]) -> None:
    owner = crew["owner"]
    left, stepped_down = take_out(owner, owner), give(owner, owner, "admin")

    assert (left.status_code, problem(left)) == (409, "last-owner")
    assert (stepped_down.status_code, problem(stepped_down)) == (409, "last-owner")
    assert owner.get(path(owner)).json["version"] == 1


def test_an_owner_who_may_not_sign_in_is_no_other_owner(
    runtime: Runtime, client: TestClient, household: Household
) -> None:
    other = employ(runtime, client, household, "owner")
    disable(runtime, other)

    assert problem(take_out(household, household)) == "last-owner"
    assert take_out(household, other).status_code == 204


def test_of_two_owners_who_leave_at_once_one_stays(
    runtime: Runtime, client: TestClient, household: Household
) -> None:
    other = employ(runtime, client, household, "owner")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda one: take_out(one, one), (household, other)))

    assert sorted(one.status_code for one in answers) == [204, 409]


def test_of_two_owners_who_take_each_other_out_at_once_one_stays(
    runtime: Runtime, client: TestClient, household: Household
) -> None:
    other = employ(runtime, client, household, "owner")
    pairs = ((household, other), (other, household))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda pair: take_out(*pair), pairs))

    assert sorted(one.status_code for one in answers) == [204, 404]


def granted(runtime: Runtime, client: TestClient, household: Household) -> Household:
    """Return a member whose role the groups of a provider gave."""
    member = employ(runtime, client, household, "member")
    with runtime.storage.system_transaction(write=True) as tx:
        place = update(memberships).where(memberships.c.user_id == user_id(member))
        tx.execute(
            place.where(memberships.c.role == "member").values(granted_by="https://id.example")
        )
    return member


def test_a_role_of_a_providers_groups_is_shown_and_left_alone(
    runtime: Runtime, client: TestClient, household: Household, serve: Serve
) -> None:
    member = granted(runtime, client, household)
    there = serve(
        IDENTITY_PROVIDER_CHAIN="okta,builtin",
        IDP_OKTA_ISSUER="https://id.example",
        IDP_OKTA_CLIENT_ID="app",
        IDP_OKTA_PROVISION="true",
    )
    owner, member = (replace(user, client=there) for user in (household, member))

    assert owner.get(path(member)).json["granted_by"] == "https://id.example"
    assert problem(give(owner, member, "admin")) == "role-of-provider"
    assert problem(take_out(owner, member)) == "role-of-provider"
    assert problem(take_out(member, member)) == "role-of-provider"


def test_a_role_of_a_provider_that_is_in_force_no_more_is_changed_like_any_other(
    runtime: Runtime, client: TestClient, household: Household
) -> None:
    """Else nobody could take it back: no token of that provider will come."""
    first, second = (granted(runtime, client, household) for _ in range(2))

    changed = give(household, first, "viewer")
    assert (changed.json["role"], changed.json["granted_by"]) == ("viewer", None)
    assert take_out(household, second).status_code == 204
    assert household.get(path(second)).status_code == 404


def test_a_further_organization_has_its_maker_as_owner_and_a_starting_set(
    client: TestClient,
) -> None:
    user = register(client)
    made = user.post("/api/v1/organizations", name="Company")

    assert made.status_code == 201
    assert made.headers["Location"] == f"/api/v1/organizations/{made.json['id']}"
    company = at(user, made.json["id"])
    assert company.get("categories").json["items"]
    assert [one["role"] for one in company.get("members").json["items"]] == ["owner"]
    assert len(user.get("/api/v1/me").json["memberships"]) == 2
