"""`make bench`: the server under load on PostgreSQL, beside the barest handler."""

import json
import os
import tempfile
from collections.abc import Callable
from typing import Any

import click

from benchmarks.data import Household, fill
from benchmarks.load import Load, measure
from benchmarks.servers import APPLICATION, OWNER, Postgres, free_port, running, running_postgres
from nestegg_core.runtime import start
from nestegg_core.settings import Environment

DATABASE = "bench"


@click.command(epilog="Example: make bench BENCH_ARGS='--seconds 5'")
@click.option("--seconds", default=5.0, help="Of each measurement.")
@click.option("--rounds", default=3, help="Each measurement is taken so often; the median counts.")
@click.option("--connections", default=16, help="Requests under way at once.")
@click.option("--workers", default=2, help="Gunicorn workers.")
@click.option("--threads", default=8, help="Threads of each worker.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(
    seconds: float,
    rounds: int,
    connections: int,
    workers: int,
    threads: int,
    as_json: bool,
) -> None:
    """Measure requests a second, p50 and p99, as medians of some rounds."""
    with running_postgres() as postgres, tempfile.TemporaryDirectory() as home:
        variables = _variables(postgres, home)
        runtime = start(Environment.read(variables, dotenv=None))
        runtime.storage.upgrade()
        household = fill(runtime)
        runtime.storage.dispose()
        postgres.execute("VACUUM ANALYZE", DATABASE)
        ours, bare = free_port(), free_port()
        flags = ["--workers", str(workers), "--threads", str(threads)]
        with (
            running(["nestegg_core.cli", "serve", "--port", str(ours), *flags], ours, variables),
            running(
                [
                    "gunicorn",
                    "-k",
                    "gthread",
                    "-b",
                    f"127.0.0.1:{bare}",
                    *flags,
                    "--log-level",
                    "error",
                    "benchmarks.bare:application()",
                ],
                bare,
                {
                    "BARE_DATABASE_URL": postgres.url(DATABASE, OWNER),
                    "BARE_ORG_ID": str(household.org_id),
                },
            ),
        ):
            results = _measure(ours, bare, household, seconds, rounds, connections)
    click.echo(json.dumps(results) if as_json else _table(results))


def _variables(postgres: Postgres, home: str) -> dict[str, str]:
    postgres.create_database(DATABASE)
    return {
        "ENVIRONMENT": "test",
        "NESTEGG_HOME": home,
        "DATABASE_URL": postgres.url(DATABASE, APPLICATION),
        "DATABASE_ADMIN_URL": postgres.url(DATABASE, OWNER),
        "ACCESS_TOKEN_MINUTES": "600",
        "LOG_LEVEL": "WARNING",
    }


def _measure(
    ours: int, bare: int, household: Household, seconds: float, rounds: int, connections: int
) -> dict[str, dict[str, float]]:
    signed_in = {"Authorization": f"Bearer {household.token}"}
    organization = f"/api/v1/organizations/{household.org_id}"
    cases: dict[str, Callable[[], Load]] = {
        name: _case(port, path, headers, seconds, connections)
        for name, port, path, headers in (
            ("page of 50", ours, f"{organization}/transactions", signed_in),
            ("bare page of 50", bare, "/page", {}),
            ("current user", ours, "/api/v1/me", signed_in),
            ("accounts", ours, f"{organization}/accounts", signed_in),
            ("livez", ours, "/livez", {}),
        )
    }
    # Round by round, so that what is compared was measured in the same minute.
    taken: dict[str, list[Load]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            taken[name].append(case())
            click.echo(f"{name}: {taken[name][-1].rate:.0f}/s", err=True)
    return {name: _median(loads) for name, loads in taken.items()}


def _case(port: int, path: str, headers: dict[str, str], seconds: float, connections: int) -> Any:
    return lambda: measure(port, path, headers, connections=connections, seconds=seconds)


def _median(loads: list[Load]) -> dict[str, float]:
    middle = sorted(loads, key=lambda load: load.rate)[len(loads) // 2]
    return dict(middle.__dict__)


def _table(results: dict[str, dict[str, float]]) -> str:
    lines = [f"{'':18}{'requests/s':>12}{'p50 ms':>10}{'p99 ms':>10}"]
    lines += [
        f"{name:18}{load['rate']:12.0f}{load['p50']:10.1f}{load['p99']:10.1f}"
        for name, load in results.items()
    ]
    ratio = results["page of 50"]["rate"] / results["bare page of 50"]["rate"]
    lines.append(f"page of 50 / bare page of 50: {ratio:.2f}   ({os.cpu_count()} cores)")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
