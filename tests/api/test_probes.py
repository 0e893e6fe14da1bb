"""`/health` as the self-hosting guide has it, `/livez` and `/readyz`."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from falcon.testing import TestClient

from nestegg_core import Finding, HealthCheckRegistration, hookimpl
from support.serving import Serve, serving

UNHEALTHY = {"status": "unhealthy", "checks": {"database": "unreachable"}}


def test_all_is_well(client: TestClient) -> None:
    health = client.simulate_get("/health")
    assert (health.status_code, health.text) == (
        200,
        '{"status":"healthy","checks":{"database":"ok"}}',
    )
    assert client.simulate_get("/livez").json == {"status": "alive"}
    ready = client.simulate_get("/readyz")
    assert (ready.status_code, ready.json) == (
        200,
        {
            "status": "ready",
            "checks": {"database": "ok", "migrations": "ok", "encryption_keys": "ok"},
        },
    )
    for path in ("/health", "/livez", "/readyz"):
        assert client.simulate_get(path).headers["Cache-Control"] == "no-store"


def refuse_everything(home: Path) -> None:
    """Put a folder where the database's file should be."""
    (home / "nestegg.sqlite3").mkdir()


def garble(home: Path) -> None:
    """Put something else where the database's file should be."""
    (home / "nestegg.sqlite3").write_bytes(b"this is no database\n" * 500)


@pytest.mark.parametrize("harm", [refuse_everything, garble])
def test_a_file_that_is_no_database_is_unhealthy(tmp_path: Path, harm: Any) -> None:
    harm(tmp_path)
    with serving({"ENVIRONMENT": "test", "NESTEGG_HOME": str(tmp_path)}) as serve:
        check_unhealthy(serve())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody@127.0.0.1:1/nothing",
        "postgresql://nobody@/nothing?host=/nowhere/at/all",
        "postgresql://nobody@host.invalid/nothing",
    ],
)
def test_a_server_that_is_not_there_is_unhealthy(tmp_path: Path, url: str) -> None:
    variables = {"ENVIRONMENT": "test", "NESTEGG_HOME": str(tmp_path), "DATABASE_URL": url}
    with serving(variables) as serve:
        check_unhealthy(serve())


def check_unhealthy(client: TestClient) -> None:
    health = client.simulate_get("/health")
    assert (health.status_code, health.json) == (503, UNHEALTHY)
    assert client.simulate_get("/livez").status_code == 200
    ready = client.simulate_get("/readyz")
    assert ready.status_code == 503
    assert ready.json == {"status": "not ready", "checks": {"database": "unreachable"}}


def test_without_a_database_every_request_is_503_and_may_come_again(tmp_path: Path) -> None:
    url = "postgresql://secretive@127.0.0.1:1/nothing"
    variables = {"ENVIRONMENT": "test", "NESTEGG_HOME": str(tmp_path), "DATABASE_URL": url}
    with serving(variables) as serve:
        answer = serve().simulate_get("/api/v1/me")

    assert answer.status_code == 503
    assert answer.json["type"] == "urn:nestegg:problem:storage-unavailable"
    assert answer.headers["Retry-After"]
    assert "secretive" not in answer.text


def checking(check: Any, *, essential: bool = True) -> dict[str, object]:
    """Return a plugin with one health check."""
    plugin = ModuleType("vault")

    @hookimpl
    def nestegg_health_checks() -> Sequence[HealthCheckRegistration]:
        return [HealthCheckRegistration("vault", check, essential=essential)]

    plugin.nestegg_health_checks = nestegg_health_checks  # type: ignore[attr-defined]
    return {"vault": plugin}


def broken() -> Sequence[Finding]:
    raise ConnectionError("vault.internal refused the token s3cr3t")


@pytest.mark.parametrize(
    ("check", "status", "told"),
    [
        (list, 200, "ok"),
        (lambda: [Finding("The vault is sealed", "unseal it")], 503, "The vault is sealed"),
        (broken, 503, "failed: ConnectionError"),
    ],
)
def test_a_plugins_check_counts_for_readiness_alone(
    serve: Serve, check: Any, status: int, told: str
) -> None:
    client = serve(plugins=checking(check))
    ready = client.simulate_get("/readyz")

    assert (ready.status_code, ready.json["checks"]["vault.vault"]) == (status, told)
    assert client.simulate_get("/health").status_code == 200


def test_a_check_that_is_not_essential_is_told_and_changes_nothing(serve: Serve) -> None:
    ready = serve(plugins=checking(broken, essential=False)).simulate_get("/readyz")

    assert (ready.status_code, ready.json["status"]) == (200, "ready")
    assert ready.json["checks"]["vault.vault"] == "failed: ConnectionError"
