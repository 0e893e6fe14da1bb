"""What is built before the fork is shared, and nothing of it is alive then."""

import socket
import threading
from pathlib import Path

import psutil
import requests

from nestegg_core.server.forking import may_cross_a_fork
from support.command_line import PATIENCE, started


def test_the_first_process_has_no_thread_and_no_connection(
    variables: dict[str, str], runtime: object
) -> None:
    del runtime  # so that the database is there
    options = ("--workers", "1", "--metrics-port", "0")
    with started("serve", *options, variables=variables) as server:
        assert requests.get(f"{server.address}/readyz", timeout=PATIENCE).status_code == 200
        first = psutil.Process(server.process.pid)

        assert first.num_threads() == 1
        assert [one.status for one in first.net_connections()] == [psutil.CONN_LISTEN]
        files = [one.path for one in first.open_files()]
        assert not [path for path in files if path.startswith(variables["NESTEGG_HOME"])]


def test_the_processes_share_what_was_built(tmp_path: Path) -> None:
    variables = {"ENVIRONMENT": "test", "NESTEGG_HOME": str(tmp_path)}
    with started("serve", "--workers", "2", variables=variables) as server:
        assert requests.get(f"{server.address}/readyz", timeout=PATIENCE).status_code == 200
        workers = psutil.Process(server.process.pid).children()

        memory = [one.memory_full_info() for one in workers]

    assert all(one.pss < one.rss / 2 for one in memory)


def test_with_a_plugin_that_starts_a_thread_each_process_builds_its_own() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait, name="exporter")
    thread.start()
    try:
        assert not may_cross_a_fork()
    finally:
        over.set()
        thread.join()


def test_a_connection_does_not_cross_a_fork() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        assert not may_cross_a_fork()
