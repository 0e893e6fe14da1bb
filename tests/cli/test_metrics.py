"""The metrics of a server, of workers and of a scheduler, as processes of their own."""

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from support.command_line import NESTEGG, PATIENCE, CommandLine, Server, environ, started
from support.redis import running_redis
from support.scraping import answers, free_port, get, scrape
from support.traces import eventually
from support.workers import running

ROUTE = "/api/v1/me"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def served(tmp_path: Path, port: int) -> Iterator[Server]:
    """A server of two workers over a file, whose temporary files lie in a folder of the test's."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    variables = {
        "NESTEGG_HOME": str(tmp_path / "home"),
        "METRICS_PORT": str(port),
        "TMPDIR": str(folder),
    }
    with started("serve", "--workers", "2", variables=variables) as server:
        eventually(lambda: answers(port))
        # A worker holds the port too, from its fork until it has closed it a moment later.
        eventually(lambda: len(workers_of(server, port)) == 2)
        yield server


def workers_of(server: Server, port: int) -> list[psutil.Process]:
    """Return the processes that answer requests: all but the one that listens for scrapes."""
    children = psutil.Process(server.process.pid).children()
    return [one for one in children if not listens(one, port)]


def listens(process: psutil.Process, port: int) -> bool:
    return any(
        one.laddr.port == port and one.status == psutil.CONN_LISTEN
        for one in process.net_connections(kind="tcp")
    )


def metrics_process_of(server: Server, port: int) -> psutil.Process:
    """Return the process that answers scrapes."""
    children = psutil.Process(server.process.pid).children()
    [found] = [one for one in children if listens(one, port)]
    return found


def ask(server: Server, times: int) -> None:
    """Ask for something that needs a sign-in, each time with a new connection."""
    for _ in range(times):
        assert requests.get(server.address + ROUTE, timeout=PATIENCE).status_code == 401


def counted(port: int) -> float:
    return scrape(port).value("nestegg_http_requests_total", route=ROUTE, status="401")


def test_counts_are_the_sum_over_workers_and_survive_the_death_of_any(
    served: Server, port: int
) -> None:
    asked = 0
    for _ in range(2):
        ask(served, 20)
        asked += 20
        assert counted(port) == asked
        victim = workers_of(served, port)[0]
        victim.send_signal(signal.SIGKILL)
        eventually(lambda gone=victim: not gone.is_running() and len(workers_of(served, port)) == 2)

    ask(served, 10)
    assert counted(port) == asked + 10
    seconds = scrape(port)
    assert seconds.value("nestegg_http_request_seconds_count", route=ROUTE) == asked + 10
    assert seconds.value("nestegg_build_info") == 1


def test_gauges_of_the_dead_are_left_out(served: Server, port: int, tmp_path: Path) -> None:
    ask(served, 10)
    victim = workers_of(served, port)[0]
    victim.send_signal(signal.SIGKILL)
    victim.wait(PATIENCE)
    eventually(lambda: not victim.is_running())
    scrape(port)

    left = [path.stem for path in (tmp_path / "temporary").rglob("gauge_live*.db")]
    assert left
    assert not [one for one in left if one.endswith(f"_{victim.pid}")]


def test_the_wrong_password_is_refused_and_unmatched_paths_are_one_route(
    served: Server, port: int
) -> None:
    for path in ("/quokka", "/api/v1/quokka/1", "/.env"):
        assert requests.get(served.address + path, timeout=PATIENCE).status_code == 404
    requests.request("QUOKKA", f"{served.address}/quokka", timeout=PATIENCE)

    refused = get(port, auth=("admin", "wrong"))
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic")
    assert get(port).status_code == 401
    scraped = scrape(port)
    assert scraped.value("nestegg_http_requests_total", route="unmatched", method="GET") == 3
    assert scraped.value("nestegg_http_requests_total", method="other") == 1
    assert "quokka" not in scraped.text.lower()


def test_their_process_is_started_again_and_ends_with_the_first(
    served: Server, port: int, tmp_path: Path
) -> None:
    ask(served, 3)
    first = metrics_process_of(served, port)
    first.send_signal(signal.SIGKILL)
    eventually(lambda: not first.is_running())
    eventually(lambda: answers(port))
    assert counted(port) == 3

    second = metrics_process_of(served, port)
    assert second.pid != first.pid
    code, logged = served.stop()
    assert code == 0
    assert "the metrics' process has ended; it is started again" in logged
    assert not second.is_running()
    assert list((tmp_path / "temporary").glob("nestegg-metrics-*")) == []


def test_their_process_does_not_outlive_a_first_one_that_is_killed(
    served: Server, port: int, tmp_path: Path
) -> None:
    process = metrics_process_of(served, port)
    served.process.kill()

    eventually(lambda: not process.is_running())
    eventually(lambda: not list((tmp_path / "temporary").glob("nestegg-metrics-*")))


def test_a_port_that_was_chosen_and_is_in_use_is_said_plainly(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [NESTEGG, "serve", "--port", "0", "--metrics-port", port],
            env=environ({"NESTEGG_HOME": str(tmp_path)}),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    assert done.returncode == 1
    assert f"Port {port} of the metrics is in use" in done.stderr
    assert "METRICS_PORT" in done.stderr


def test_zero_switches_them_off(tmp_path: Path) -> None:
    variables = {"NESTEGG_HOME": str(tmp_path), "METRICS_PORT": "0"}
    with started("serve", "--workers", "1", variables=variables) as server:
        ask(server, 1)
        assert len(psutil.Process(server.process.pid).children()) == 1


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")
def test_workers_serve_theirs_added_up(
    fresh_nestegg: CommandLine, fresh_variables: dict[str, str], tmp_path: Path, port: int
) -> None:
    fresh_nestegg("db", "upgrade")
    with running_redis() as redis:
        variables = {**fresh_variables, "REDIS_URL": redis.url}
        command = ("worker", "--concurrency", "2", "--metrics-port", str(port))
        folder = tmp_path / "process"
        folder.mkdir()
        with running(folder, variables, *command) as process:
            nestegg = CommandLine(variables)
            for name in ("forget_jobs", "forget_jobs", "measure_keys"):
                assert nestegg("jobs", "run", name).exit_code == 0
            eventually(lambda: answers(port))
            eventually(lambda: scrape(port).value("nestegg_jobs_total", outcome="done") == 3)
            scraped = scrape(port)
            assert scraped.value("nestegg_job_seconds_count") == 3
            assert scraped.value("nestegg_build_info") == 1
            assert re.search(r'nestegg_encrypted_values\{.*key_version="1"', scraped.text)
            assert process.stop() == 0
    assert not answers(port)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")
def test_a_scheduler_serves_its_own(
    fresh_variables: dict[str, str], fresh_nestegg: CommandLine, tmp_path: Path, port: int
) -> None:
    fresh_nestegg("db", "upgrade")
    folder = tmp_path / "process"
    folder.mkdir()
    variables = {**fresh_variables, "SCHEDULER_METRICS_PORT": str(port)}
    with running(folder, variables, "scheduler") as process:
        eventually(lambda: answers(port))
        assert scrape(port).value("nestegg_build_info") == 1
        assert process.stop() == 0
