"""A server never serves with keys that its database does not know."""

from typing import Any

import pytest
import structlog
from sqlalchemy import update

from nestegg_core.api.app import create_app
from nestegg_core.database.tables import key_fingerprints
from nestegg_core.encryption.keyring import fingerprint
from support.conformance import ConformingClient
from support.household import register
from support.rotation import KEYS, Process, keys
from support.serving import Serve

on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")
on_postgresql = pytest.mark.parametrize(
    "database_kind", ["postgresql"], indirect=True, scope="session"
)


@pytest.fixture
def wrong(process: Process, serve: Serve) -> ConformingClient:
    """A server whose key is another than the database knows."""
    process(1)
    return serve(**{**keys(1), "MASTER_ENCRYPTION_KEY": KEYS[2]})


@on_sqlite
def test_with_wrong_keys_only_probes_answer(wrong: ConformingClient) -> None:
    with structlog.testing.capture_logs() as logged:
        for path in ("/api/v1/me", "/openapi.json", "/nowhere"):
            answer = wrong.simulate_get(path)
            assert answer.status_code == 503, path
            assert answer.json["type"] == "urn:nestegg:problem:encryption-keys"
            assert "MASTER" not in answer.text
    errors = [entry for entry in logged if entry["log_level"] == "error"]
    assert {entry["where"] for entry in errors} == {"MASTER_ENCRYPTION_KEY"}
    assert not [key for key in KEYS.values() if key in repr(logged)]
    assert wrong.simulate_get("/health").status_code == 200
    assert wrong.simulate_get("/livez").status_code == 200
    ready = wrong.simulate_get("/readyz")
    assert (ready.status_code, ready.json["checks"]["encryption_keys"]) == (503, "wrong")


@on_sqlite
def test_a_wrong_server_serves_as_soon_as_the_keys_fit(
    wrong: ConformingClient, serve: Serve
) -> None:
    assert wrong.simulate_get("/api/v1/me").status_code == 503
    with serve.started[-1].storage.system_transaction(write=True) as tx:
        tx.execute(update(key_fingerprints).values(fingerprint=fingerprint(b"\2" * 32)))
    assert wrong.simulate_get("/api/v1/me").status_code == 401
    assert wrong.simulate_get("/readyz").status_code == 200


def test_a_server_that_began_below_head_checks_once_the_tables_are_there(
    fresh_variables: dict[str, str],
) -> None:
    own = Serve({**fresh_variables, **keys(1)})
    runtime = own.runtime()
    client = ConformingClient(create_app(runtime), [])
    try:
        assert client.simulate_get("/api/v1/me").json["type"].endswith("migrations-pending")
        assert "encryption_keys" not in client.simulate_get("/readyz").json["checks"]
        runtime.storage.upgrade()
        other = own.runtime(MASTER_ENCRYPTION_KEY=KEYS[2])
        other.check_keys()
        assert client.simulate_get("/api/v1/me").json["type"].endswith("encryption-keys")
    finally:
        for made in own.started:
            made.storage.dispose()


@on_postgresql
def test_replicas_are_rolled_one_by_one(process: Process, serve: Serve) -> None:
    """First every replica learns to read the next key; then, one by one, they write under it."""
    process(1)
    first, second = serve(**keys(1, 2)), serve(**keys(1, 2))
    user = register(first, name="Ada")
    assert me(second, user)["name"] == "Ada"
    rolled = serve(**keys(2, 1))
    newer = register(rolled, name="Grace")
    for replica in (first, second, rolled):
        assert me(replica, newer)["name"] == "Grace"
        assert me(replica, user)["name"] == "Ada"


def me(client: ConformingClient, user: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {user.token}"}
    answer = client.simulate_get("/api/v1/me", headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json)
