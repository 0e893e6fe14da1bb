"""`SECRET_KEY` rotates: what the previous one signed is still believed, and it signs nothing."""

from datetime import timedelta
from typing import Any

import jwt
import pytest

from nestegg_core.api.endpoint import Cursors
from nestegg_core.application import utc_now
from nestegg_core.auth.builtin.provider import AccessTokens
from nestegg_core.database.types import new_id
from nestegg_core.errors import ConfigurationError, InvalidInput
from nestegg_core.settings import Environment, load
from support.conformance import ConformingClient
from support.household import Household, register
from support.rotation import keys
from support.serving import Serve

OLD, NEW, OLDEST = "old " * 12, "new " * 12, "oldest " * 8
LIFETIME = timedelta(minutes=15)


def status(client: ConformingClient, user: Household, path: str = "accounts", **params: Any) -> int:
    there = Household(client, user.email, user.signed_in)
    return int(there.get(path, **params).status_code)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")
def test_sessions_and_lists_outlive_the_rotation_and_go_on_under_the_new_key(serve: Serve) -> None:
    before = serve(**keys(1), SECRET_KEY=OLD)
    after = serve(**keys(1), SECRET_KEY=NEW, SECRET_KEY_PREVIOUS=OLD)
    later = serve(**keys(1), SECRET_KEY=NEW)
    user = register(before)
    for number in range(3):
        user.account(name=f"Account {number}")
    cursor = user.get("accounts", limit=1).json["next"]
    assert status(after, user, limit=1, cursor=cursor) == 200
    assert status(later, user) == 401

    token = {"refresh_token": user.signed_in["refresh_token"]}
    refreshed = after.simulate_post("/api/v1/auth/refresh", json=token)
    assert refreshed.status_code == 200
    user.signed_in["access_token"] = refreshed.json["access_token"]
    assert status(later, user) == 200
    assert status(before, user) == 401
    assert status(later, user, limit=1, cursor=cursor) == 422
    newer = Household(after, user.email, user.signed_in).get("accounts", limit=1).json["next"]
    assert status(later, user, limit=1, cursor=newer) == 200


def tokens(key: str, previous: str | None = None) -> AccessTokens:
    return AccessTokens(key, LIFETIME, utc_now, previous_key=previous)


def test_the_previous_key_signs_nothing_and_no_older_one_is_believed() -> None:
    user, session = new_id(), new_id()
    both = tokens(NEW, OLD)
    assert tokens(NEW).read(both.issue(user, session)).user_id == user
    assert both.read(tokens(OLD).issue(user, session)).session_id == session
    with pytest.raises(jwt.InvalidSignatureError):
        both.read(tokens(OLDEST).issue(user, session))
    with pytest.raises(jwt.InvalidSignatureError):
        tokens(OLD).read(both.issue(user, session))
    long_ago = AccessTokens(OLD, LIFETIME, lambda: utc_now() - timedelta(hours=1))
    with pytest.raises(jwt.ExpiredSignatureError):
        both.read(long_ago.issue(user, session))


def test_cursors_follow_the_same_rule() -> None:
    both = Cursors(NEW, OLD)
    assert both.read("/list", Cursors(OLD).write("/list", ("a",))) == ("a",)
    assert Cursors(NEW).read("/list", both.write("/list", ("a",))) == ("a",)
    for reader, writer in ((both, Cursors(OLDEST)), (Cursors(OLD), both)):
        with pytest.raises(InvalidInput):
            reader.read("/list", writer.write("/list", ("a",)))


def test_production_believes_no_placeholder_as_the_previous_key() -> None:
    variables = {"ENVIRONMENT": "production", "SECRET_KEY_PREVIOUS": "changeme" * 5}
    with pytest.raises(ConfigurationError) as refused:
        load(Environment.read(variables, dotenv=None))
    (problem,) = [p for p in refused.value.problems if p.where == "SECRET_KEY_PREVIOUS"]
    assert "placeholder" in problem.what
    assert "changeme" not in str(refused.value)
