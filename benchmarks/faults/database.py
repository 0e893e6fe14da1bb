"""What may happen to PostgreSQL under load."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import requests

from benchmarks.faults.report import Report
from benchmarks.faults.scene import Scene, durable_postgres, scene, wait_for
from benchmarks.faults.slow_link import slow_link
from benchmarks.faults.verdict import judge
from benchmarks.faults.writers import writing
from benchmarks.servers import APPLICATION, Postgres

BEFORE = 2.0
"""Seconds of load before the fault."""

PROCESSES = 2
_CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"

CONNECTIONS = 24
"""`max_connections`; the server would take up to 60 with its usual pools."""


def stopped(seconds: float) -> Report:
    """Stop PostgreSQL for so long."""
    with durable_postgres() as postgres, scene(postgres) as it, writing(it) as writers:
        time.sleep(BEFORE)
        postgres.stop()
        time.sleep(seconds)
        ended = time.monotonic()
        postgres.start()
        time.sleep(BEFORE)
        return judge(it, "PostgreSQL stopped", writers.finish(), ended, seconds=seconds)


def killed(seconds: float) -> Report:
    """Kill every process of PostgreSQL, again and again, and start it at once."""
    kills = max(1, int(seconds / 5))
    with durable_postgres() as postgres, scene(postgres) as it, writing(it) as writers:
        for _ in range(kills):
            time.sleep(BEFORE)
            postgres.kill()
            ended = time.monotonic()
            postgres.start()
        time.sleep(BEFORE)
        notes = f"{kills} times; PostgreSQL's own recovery included"
        return judge(it, "PostgreSQL killed with SIGKILL", writers.finish(), ended, notes=notes)


def frozen(seconds: float, limit: int = 5) -> Report:
    """Halt every process of PostgreSQL without ending it, as a disk that hangs does."""
    with (
        durable_postgres() as postgres,
        scene(postgres, DB_STATEMENT_SECONDS=str(limit)) as it,
        writing(it) as writers,
    ):
        time.sleep(BEFORE)
        with postgres.frozen():
            slowest = _slowest_probe(it, max(seconds, limit * 2.0))
        ended = time.monotonic()
        time.sleep(BEFORE)
        notes = f"DB_STATEMENT_SECONDS={limit}; {_probe_note(slowest)}"
        return judge(it, "PostgreSQL frozen (SIGSTOP)", writers.finish(), ended, notes=notes)


def slowed(seconds: float, delay: float = 2.0) -> Report:
    """Delay everything that is sent to PostgreSQL."""
    with (
        durable_postgres() as postgres,
        slow_link(postgres) as link,
        scene(postgres, url=link.url) as it,
        writing(it) as writers,
    ):
        time.sleep(BEFORE)
        link.delay = delay
        slowest = _slowest_probe(it, seconds)
        link.delay = 0.0
        ended = time.monotonic()
        fault = f"PostgreSQL slowed by {delay:.0f} s a statement"
        notes = _probe_note(slowest)
        return judge(it, fault, writers.finish(), ended, notes=notes, seconds=seconds)


def at_max_connections(seconds: float) -> Report:
    """Let others take all connections but one, then load the server."""
    with durable_postgres() as postgres:
        postgres.execute(f"ALTER SYSTEM SET max_connections = {CONNECTIONS}")
        postgres.stop()
        postgres.start()
        with scene(postgres) as it:
            _forget_connections(postgres, it)
            with _taken(it) as taken, writing(it) as writers:
                time.sleep(seconds)
                for connection in taken:
                    connection.close()
                ended = time.monotonic()
                time.sleep(BEFORE)
                writes = writers.finish()
            return judge(it, "PostgreSQL at max_connections", writes, ended, seconds=seconds)


def pools_too_small(seconds: float, size: int = 1, overflow: int = 1) -> Report:
    """Ask for more at a time than the pools of two processes hold; count the connections."""
    pools = {"DB_POOL_SIZE": str(size), "DB_MAX_OVERFLOW": str(overflow)}
    with durable_postgres() as postgres, scene(postgres, **pools) as it, writing(it) as writers:
        most, until = 0, time.monotonic() + seconds
        with psycopg.connect(postgres.url("postgres", "postgres"), autocommit=True) as watching:
            while time.monotonic() < until:
                found = watching.execute(_CONNECTED, [APPLICATION]).fetchone()
                most = max(most, found[0] if found else 0)
                time.sleep(0.02)
        allowed = PROCESSES * (size + overflow)
        if most > allowed:
            raise RuntimeError(f"{most} connections, where {allowed} are allowed")
        return judge(
            it,
            "more requests than the pools have connections",
            writers.finish(),
            time.monotonic(),
            notes=f"at most {most} connections of {allowed} allowed",
        )


def _probe_note(slowest: float) -> str:
    return f"/livez meanwhile: {slowest * 1000:.0f} ms at most"


def _slowest_probe(it: Scene, seconds: float) -> float:
    """Ask for `/livez` for so long; return the longest that an answer took, in seconds."""
    slowest, until = 0.0, time.monotonic() + seconds
    while time.monotonic() < until:
        started = time.perf_counter()
        requests.get(f"{it.address}/livez", timeout=60).raise_for_status()
        slowest = max(slowest, time.perf_counter() - started)
        time.sleep(0.1)
    return slowest


def _forget_connections(postgres: Postgres, it: Scene) -> None:
    """Empty the server's pools, so that it has to ask for connections again."""
    postgres.stop()
    postgres.start()
    wait_for(lambda: requests.get(f"{it.address}/health", timeout=60).ok, "the database")


@contextmanager
def _taken(it: Scene) -> Iterator[list[psycopg.Connection]]:
    """Hold every connection that the server can spare but one."""
    url = it.variables["DATABASE_ADMIN_URL"]
    taken: list[psycopg.Connection] = []
    try:
        while True:
            try:
                taken.append(psycopg.connect(url))
            except psycopg.OperationalError:
                break
        taken.pop().close()
        yield taken
    finally:
        for connection in taken:
            connection.close()
