"""Who may register: `REGISTRATION` in each of its modes."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest
from falcon.testing import Result, TestClient
from sqlalchemy import update

from nestegg_core.application import Runtime
from nestegg_core.database.tables import invitations
from nestegg_core.settings import Environment, Settings, load
from support.household import PASSWORD, Household
from support.serving import Serve, serving
from support.staff import invite, token_of

_numbers = count(1)


@pytest.fixture
def serve(runtime: Runtime, variables: dict[str, str]) -> Iterator[Serve]:
    del runtime
    with serving(variables) as serve:
        yield serve


def register(client: TestClient, **values: str) -> Result:
    body = {"email": f"newcomer{next(_numbers)}@example.com", "password": PASSWORD, **values}
    return client.simulate_post("/api/v1/auth/register", json=body)


def kind(answer: Result) -> str:
    return str(answer.json["type"]).removeprefix("urn:nestegg:problem:")


def test_open_lets_everyone_in(serve: Serve) -> None:
    assert register(serve(REGISTRATION="open")).status_code == 201


@pytest.mark.parametrize("mode", ["open", "invite"])
def test_nobody_goes_through_a_list_of_emails(
    serve: Serve, household: Household, mode: str
) -> None:
    client = serve(REGISTRATION=mode)
    token = token_of(invite(household, f"y{next(_numbers)}@example.com")["link"])
    tries = [register(client, email=household.email, invitation=token) for _ in range(21)]

    assert [one.status_code for one in tries] == [409] * 20 + [429]
    assert int(tries[-1].headers["Retry-After"]) > 0
    assert register(client, invitation=token).status_code == 429, "who is new is told no more"
    elsewhere = serve(REGISTRATION=mode)
    assert register(elsewhere, invitation=token).status_code == 201, "the link is as good as before"


def test_invite_lets_in_whoever_is_invited(serve: Serve, household: Household) -> None:
    client = serve(REGISTRATION="invite")
    without = register(client)
    wrong = register(client, invitation="0" * 43)
    invited = register(client, invitation=token_of(invite(household, "x@example.com")["link"]))

    assert (without.status_code, kind(without)) == (403, "invitation-required")
    assert (wrong.status_code, kind(wrong)) == (403, "invitation-invalid")
    assert invited.json["organization"]["id"] == household.org_id


def test_closed_lets_nobody_register_but_members_join(
    serve: Serve, household: Household, stranger: Household
) -> None:
    client = serve(REGISTRATION="closed")
    token = token_of(invite(household, "x@example.com")["link"])
    for answer in (register(client), register(client, invitation=token)):
        assert (answer.status_code, kind(answer)) == (403, "registration-closed")

    assert stranger.post("/api/v1/invitations/accept", token=token).status_code == 200


def test_a_refusal_tells_nothing_of_the_address(serve: Serve, household: Household) -> None:
    client = serve(REGISTRATION="invite")

    assert register(client, email=household.email).json == register(client).json


def test_a_refusal_is_no_matter_of_a_tokens_scope(serve: Serve) -> None:
    assert "WWW-Authenticate" not in register(serve(REGISTRATION="closed")).headers


def test_a_link_keeps_to_the_role_and_organization_that_it_was_made_with(
    runtime: Runtime, client: TestClient, household: Household, stranger: Household
) -> None:
    made = invite(household, "x@example.com", "viewer")
    other = invite(stranger, "x@example.com", "owner")
    withdrawn = update(invitations).where(invitations.c.id == UUID(other["id"]))
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(withdrawn.values(expires_at=runtime.clock()))

    joined = register(client, invitation=token_of(made["link"])).json

    assert [(one["organization"]["id"], one["role"]) for one in joined["user"]["memberships"]] == [
        (household.org_id, "viewer")
    ]


@pytest.mark.parametrize("stage", ["development", "test"])
def test_outside_production_registration_is_open(stage: str, tmp_path: Path) -> None:
    assert settings(ENVIRONMENT=stage, NESTEGG_HOME=str(tmp_path)).registration == "open"


def settings(**variables: str) -> Settings:
    return load(Environment.read(variables, dotenv=None))
