"""What administrators of the instance see, and nobody else."""

import json
import re
from types import ModuleType
from uuid import uuid4

import pytest
from click.testing import CliRunner
from falcon.testing import TestClient
from sqlalchemy import update

from nestegg_core.api.app import operations
from nestegg_core.api.operation import Operation
from nestegg_core.application import Runtime
from nestegg_core.cli import main
from nestegg_core.database.tables import users
from support.household import Household, register
from support.serving import Serve
from support.staff import disable, user_id

PLUGINS = "/api/v1/admin/plugins"


def promote(runtime: Runtime, user: Household) -> None:
    """Make somebody an administrator of the instance."""
    with runtime.storage.system_transaction(write=True) as tx:
        statement = update(users).where(users.c.id == user_id(user))
        tx.execute(statement.values(is_admin=True))


def any_path(op: Operation) -> str:
    """Return an operation's path with the id of nothing in every field."""
    return re.sub(r"\{[^}]+\}", str(uuid4()), op.path)


def test_everything_below_admin_is_for_administrators_alone(
    runtime: Runtime, client: TestClient, staff: dict[str, Household]
) -> None:
    paths = [(op.method, any_path(op)) for op in operations(runtime) if op.administrators]
    assert ("GET", PLUGINS) in paths
    for method, path in paths:
        assert client.simulate_request(method, path).status_code == 401
        for user in staff.values():  # also the owner of an organization is nobody here
            answer = user.call(method, path)
            assert answer.status_code == 403
            assert answer.json["type"] == "urn:nestegg:problem:forbidden"


def test_the_mark_counts_at_once_and_no_longer_than_the_account(
    runtime: Runtime, client: TestClient
) -> None:
    admin = register(client)
    assert admin.get(PLUGINS).status_code == 403
    promote(runtime, admin)
    assert admin.get(PLUGINS).status_code == 200
    disable(runtime, admin)
    assert admin.get(PLUGINS).status_code == 401


def test_a_token_that_was_signed_out_administers_nothing(
    runtime: Runtime, client: TestClient
) -> None:
    admin = register(client)
    promote(runtime, admin)
    assert admin.post("/api/v1/auth/logout").status_code == 204
    assert admin.get(PLUGINS).status_code == 401


def test_it_is_what_the_command_tells(
    runtime: Runtime,
    client: TestClient,
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin = register(client)
    promote(runtime, admin)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    told = CliRunner().invoke(main, ["plugins", "--json"])
    assert admin.get(PLUGINS).json == json.loads(told.stdout)


def test_a_plugin_that_failed_is_there_with_cause_and_fix(
    serve: Serve, runtime: Runtime, client: TestClient
) -> None:
    admin = register(client)
    promote(runtime, admin)
    other = serve(plugins={"idp_acme": ModuleType("acme")})
    listed = Household(other, admin.email, admin.signed_in).get(PLUGINS).json["plugins"]
    [failed] = [one for one in listed if one["name"] == "idp_acme"]
    assert failed["state"] == "failed"
    assert failed["registrations"] == [["identity_provider", "acme"]]
    assert "it has no hooks" in failed["cause"]
    assert "PLUGINS_DISABLED=idp_acme" in failed["fix"]
