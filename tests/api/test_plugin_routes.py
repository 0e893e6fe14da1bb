"""Routes of plugins: guarded, validated and documented as the core's own are."""

from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel
from sqlalchemy import func, select, text

from nestegg_core import NotFound, Route, RouteCall, hookimpl
from nestegg_core.api.fields import RequestModel
from nestegg_core.database import in_org
from nestegg_core.database.tables import accounts
from support.conformance import ConformingClient
from support.household import Household
from support.serving import Serve
from support.staff import at


class Wish(RequestModel):
    """A wish."""

    text: str


class Counted(BaseModel):
    """How many accounts there are."""

    accounts: int
    wish: str = ""


def count(call: RouteCall) -> dict[str, Any]:
    number = call.transaction.execute(select(func.count()).where(in_org(accounts))).scalar_one()
    return {"accounts": number, "wish": call.body.text if call.body else ""}


def lose(call: RouteCall) -> Counted:
    raise NotFound(f"There is no such wish for {len(call.params)} field.")


@pytest.fixture
def served(serve: Serve) -> ConformingClient:
    plugin = ModuleType("wishes")
    routes = [
        Route("GET", "/wishes", "accounts:read", None, Counted, count, summary="Count accounts."),
        Route("POST", "/wishes", "accounts:write", Wish, Counted, count, summary="Make a wish."),
        Route("GET", "/wishes/{name}", "accounts:read", None, Counted, lose, summary="Lose it."),
    ]

    @hookimpl
    def nestegg_routes() -> list[Route]:
        return routes

    plugin.nestegg_routes = nestegg_routes  # type: ignore[attr-defined]
    return serve(plugins={"wishes": plugin})


def path(user: Household, rest: str = "") -> str:
    return f"/api/v1/x/wishes/organizations/{user.org_id}/wishes{rest}"


def calling(client: ConformingClient, user: Household) -> Household:
    return Household(client, user.email, user.signed_in)


def test_a_route_sees_its_own_organization(
    served: ConformingClient, household: Household, stranger: Household
) -> None:
    household.account()
    stranger.account()
    user = calling(served, household)

    assert user.get(path(user)).json == {"accounts": 1, "wish": ""}
    made = user.post(path(user), text="rain")
    assert (made.status_code, made.json) == (200, {"accounts": 1, "wish": "rain"})


def test_a_route_asks_for_its_permission(
    served: ConformingClient, staff: dict[str, Household], stranger: Household
) -> None:
    viewer, member = calling(served, staff["viewer"]), calling(served, staff["member"])
    outsider = at(calling(served, stranger), viewer.org_id)

    assert served.simulate_get(path(viewer)).status_code == 401
    assert viewer.get(path(viewer)).status_code == 200
    assert viewer.post(path(viewer), text="x").status_code == 403
    assert member.post(path(member), text="x").status_code == 200
    nowhere = at(outsider, str(uuid4()))
    assert outsider.get(path(outsider)).json == nowhere.get(path(nowhere)).json
    assert outsider.get(path(outsider)).status_code == 404


def test_a_routes_body_is_validated(served: ConformingClient, household: Household) -> None:
    user = calling(served, household)
    for body in ({}, {"text": 1}, {"text": "x", "colour": "red"}):
        answer = user.call("POST", path(user), json=body)
        assert answer.status_code == 422
        assert answer.json["errors"]


def test_a_route_may_raise_the_cores_errors(served: ConformingClient, household: Household) -> None:
    user = calling(served, household)
    answer = user.get(path(user, "/seven"))

    assert (answer.status_code, answer.json["detail"]) == (
        404,
        "There is no such wish for 1 field.",
    )


def test_a_route_is_documented(served: ConformingClient) -> None:
    paths = served.simulate_get("/openapi.json").json["paths"]
    listed = paths["/api/v1/x/wishes/organizations/{org_id}/wishes"]

    assert listed["get"]["summary"] == "Count accounts."
    assert listed["post"]["security"] == [{"bearer": []}]
    schema = listed["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["$ref"] == "#/components/schemas/wishes.Wish"


def wipe(call: RouteCall) -> Counted:
    call.transaction.execute(text("delete from transactions"))
    return Counted(accounts=0)


def rename(call: RouteCall) -> Counted:
    changed = accounts.update().where(in_org(accounts)).values(name="renamed")
    return Counted(accounts=call.transaction.execute(changed).rowcount)


@pytest.fixture
def writing(serve: Serve) -> ConformingClient:
    plugin = ModuleType("wishes")
    routes = [
        Route("POST", "/wishes/wipe", "transactions:write", None, Counted, wipe, "Wipe."),
        Route("POST", "/wishes/read", "accounts:read", None, Counted, rename, "Rename."),
        Route("POST", "/wishes/write", "accounts:write", None, Counted, rename, "Rename."),
    ]
    plugin.nestegg_routes = hookimpl(lambda: routes)  # type: ignore[attr-defined]
    return serve(plugins={"wishes": plugin})


def test_a_route_that_is_not_scoped_is_its_plugins_fault_on_every_database(
    writing: ConformingClient, household: Household, stranger: Household
) -> None:
    for user in (household, stranger):
        user.transaction(user.account(), "-1.00")
    user = calling(writing, household)

    answer = user.call("POST", path(user, "/wipe"))

    assert (answer.status_code, answer.json["type"]) == (500, "urn:nestegg:problem:plugin-fault")
    for one in (household, stranger):
        assert len(one.get("transactions").json["items"]) == 1


def test_who_may_read_alone_writes_by_no_method(
    writing: ConformingClient, household: Household
) -> None:
    account = household.account(name="kept")
    user = calling(writing, household)

    assert user.call("POST", path(user, "/read")).status_code == 500
    assert household.get(f"accounts/{account['id']}").json["name"] == "kept"
    assert user.call("POST", path(user, "/write")).status_code == 200
