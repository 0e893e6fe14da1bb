"""`nestegg serve`, as a process of its own."""

import json
import socket
import subprocess
from pathlib import Path

import pytest
import requests

from nestegg_core.database import head
from support.command_line import NESTEGG, PATIENCE, CommandLine, environ, started


def test_it_serves_until_it_is_told_to_stop(
    fresh_nestegg: CommandLine, fresh_variables: dict[str, str]
) -> None:
    fresh_nestegg("db", "upgrade")
    variables = {**fresh_variables, "LOG_FORMAT": "json"}

    with started("serve", "--workers", "2", variables=variables) as server:
        health = requests.get(f"{server.address}/health", timeout=PATIENCE)
        ready = requests.get(f"{server.address}/readyz", timeout=PATIENCE)
        code, logged = server.stop()

    assert health.json() == {"status": "healthy", "checks": {"database": "ok"}}
    assert ready.status_code == 200
    assert code == 0
    # gunicorn's own messages come as all others do.
    events = [json.loads(line)["event"] for line in logged.splitlines()]
    assert len([event for event in events if event.startswith("Booting worker")]) == 2


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")
def test_a_file_is_migrated_first(fresh_variables: dict[str, str]) -> None:
    with started("serve", variables=fresh_variables) as server:
        assert requests.get(f"{server.address}/readyz", timeout=PATIENCE).status_code == 200

    assert CommandLine(fresh_variables)("db", "current").stdout == f"{head()} (head)\n"


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True, scope="session")
@pytest.mark.usefixtures("runtime")  # so that the application's role is there
def test_below_head_only_the_probes_are_answered(fresh_variables: dict[str, str]) -> None:
    with started("serve", variables=fresh_variables) as server:
        health = requests.get(f"{server.address}/health", timeout=PATIENCE)
        other = requests.get(f"{server.address}/api/v1/me", timeout=PATIENCE)
        _, logged = server.stop()

    assert (health.status_code, other.status_code) == (200, 503)
    assert "nestegg db upgrade" in logged


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_in_use_is_said_plainly(plain_nestegg: CommandLine, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = plain_nestegg(command, "--port", str(port))

    assert result.exit_code == 1
    assert f"Port {port} is in use" in result.stderr
    assert "--port" in result.stderr


def test_an_address_of_another_machine_is_refused(plain_nestegg: CommandLine) -> None:
    # RFC 5737, 3: no machine has it.
    result = plain_nestegg("serve", "--host", "192.0.2.1")

    assert result.exit_code == 1
    assert "--host" in result.stderr


def test_a_configuration_that_is_wrong_ends_the_process(fresh_variables: dict[str, str]) -> None:
    done = subprocess.run(
        [NESTEGG, "serve", "--port", "0"],
        env=environ({**fresh_variables, "LOG_FORMAT": "loud"}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert done.returncode == 2
    assert "LOG_FORMAT" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_two_colons_stand_for_both_families(fresh_variables: dict[str, str]) -> None:
    metrics = free_port()
    variables = {**fresh_variables, "METRICS_HOST": "::", "METRICS_PASSWORD": "metrics"}
    options = ("--host", "::", "--metrics-port", str(metrics))
    with started("serve", *options, variables=variables) as server:
        port = server.address.rpartition(":")[2]
        for host in ("127.0.0.1", "[::1]"):
            answer = requests.get(f"http://{host}:{port}/livez", timeout=PATIENCE)
            assert answer.status_code == 200
            measured = requests.get(
                f"http://{host}:{metrics}/metrics", auth=("admin", "metrics"), timeout=PATIENCE
            )
            assert measured.status_code == 200


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


ENDS = """
import os
from nestegg_core import HealthCheckRegistration, hookimpl
@hookimpl
def nestegg_health_checks(): return [HealthCheckRegistration("ends", lambda: os._exit({code}))]
"""


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")
@pytest.mark.parametrize("code", [0, 3, 4])
def test_a_plugin_that_ends_its_worker_does_not_end_the_server(
    fresh_variables: dict[str, str], tmp_path: Path, code: int
) -> None:
    metadata = tmp_path / "acme-1.0.dist-info"
    metadata.mkdir()
    (tmp_path / "acme_ends.py").write_text(ENDS.format(code=code))
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[nestegg.plugins]\nacme = acme_ends\n")
    variables = {**fresh_variables, "PYTHONPATH": str(tmp_path)}

    with started("serve", "--workers", "1", variables=variables) as server:
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{server.address}/readyz", timeout=PATIENCE)
        alive = requests.get(f"{server.address}/livez", timeout=PATIENCE)
        ended, logged = server.stop()

    assert (alive.status_code, ended) == (200, 0)
    told = [line for line in logged.splitlines() if f"exited with code {code}" in line]
    assert len(told) == 1
    assert "[warning" in told[0] or "[error" in told[0]
