"""Nobody reads or changes another organization's rows: by the statements, and without them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from falcon.testing import TestClient

from nestegg_core.api.app import create_app
from nestegg_core.application import Runtime, start
from nestegg_core.database import SqlStorage
from nestegg_core.settings import Environment
from support.household import Household, register
from support.postgres import OWNER, Postgres
from support.strangers import MARK, Belongings, attempts, furnish, snapshot
from support.without_where import without_where

REACHED = {"accounts", "categories", "imports", "import_rows", "transactions", "idempotency_keys"}
"""The tenants' tables that endpoints read and change."""


@pytest.fixture
def theirs(household: Household) -> Belongings:
    return furnish(household)


def leaks(theirs: Belongings, stranger: Household) -> list[str]:
    """Try everything with the stranger's own organization in the path, and name what came out."""
    found = []
    for attempt in attempts(theirs.below(stranger.org_id)):
        answer = attempt.run(stranger)
        refused = answer.status_code in {404, 422}
        shown = [value for value in (MARK, *theirs.ids.values()) if value in answer.text.lower()]
        if shown or answer.status_code >= 500 or (attempt.foreign and not refused):
            found.append(f"{attempt} -> {answer.status_code} {shown}")
    return found


def sql_storage(runtime: Runtime) -> SqlStorage:
    assert isinstance(runtime.storage, SqlStorage)
    return runtime.storage


def test_the_walk_takes_in_every_operation_below_an_organization(
    client: TestClient, theirs: Belongings
) -> None:
    paths = client.simulate_get("/openapi.json").json["paths"]
    declared = {
        (method.upper(), path)
        for path, methods in paths.items()
        for method in methods
        if "{org_id}" in path
    }
    assert {(one.method, one.template) for one in attempts(theirs)} == declared


def test_a_stranger_finds_no_organization_but_their_own(
    theirs: Belongings, household: Household, stranger: Household
) -> None:
    before = snapshot(household)
    absent = Belongings.absent(str(theirs.ids["account_id"]))
    for attempt, nowhere in zip(attempts(theirs), attempts(absent), strict=True):
        answer = attempt.run(stranger)
        assert (answer.status_code, answer.json) == (404, nowhere.run(stranger).json), attempt
    assert snapshot(household) == before


def test_a_stranger_finds_no_row_of_others_below_their_own_organization(
    theirs: Belongings, household: Household, stranger: Household
) -> None:
    before = snapshot(household)
    assert leaks(theirs, stranger) == []
    assert snapshot(household) == before


def test_a_row_of_others_looks_like_an_absent_one(theirs: Belongings, stranger: Household) -> None:
    absent = Belongings.absent(stranger.org_id)
    foreign = theirs.below(stranger.org_id)
    for attempt, nowhere in zip(attempts(foreign), attempts(absent), strict=True):
        if attempt.foreign:
            answer, expected = attempt.run(stranger), nowhere.run(stranger)
            assert (answer.status_code, answer.json) == (expected.status_code, expected.json)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True, scope="session")
def test_without_where_clauses_row_level_security_holds(
    runtime: Runtime, theirs: Belongings, household: Household, stranger: Household
) -> None:
    furnish(stranger, "wombat")
    before, own = snapshot(household), snapshot(stranger)
    with without_where(sql_storage(runtime)) as taken:
        assert snapshot(stranger) == own
        found = leaks(theirs, stranger)
    assert found == []
    assert snapshot(household) == before
    assert set(taken) >= REACHED


@pytest.fixture
def unwalled(postgres: Postgres, tmp_path: Path) -> Iterator[Runtime]:
    """A server that connects as the owner, whom row-level security does not hold."""
    postgres.create_database("unwalled")
    variables = {"ENVIRONMENT": "test", "NESTEGG_HOME": str(tmp_path)}
    variables["DATABASE_URL"] = postgres.url("unwalled", OWNER)
    made = start(Environment.read(variables, dotenv=None))
    made.storage.upgrade()
    made.check_keys()
    yield made
    made.storage.dispose()


def test_without_either_wall_the_same_walk_leaks(unwalled: Runtime) -> None:
    client = TestClient(create_app(unwalled))
    household, stranger = register(client), register(client)
    theirs, before = furnish(household), snapshot(household)
    assert leaks(theirs, stranger) == []
    with without_where(sql_storage(unwalled)):
        found = leaks(theirs, stranger)
    kinds = ("accounts", "transactions", "categories", "imports", "reports")
    assert {kind for kind in kinds for leak in found if f"/{kind}" in leak} == set(kinds)
    assert snapshot(household) != before
