"""`make bench`: the server under load on PostgreSQL, beside the barest handler; and encryption."""

import json
import os
import tempfile
from dataclasses import asdict, dataclass

import click

from benchmarks import encryption, identity, jobs, retention
from benchmarks.data import Household, fill
from benchmarks.load import Load, Request, measure
from benchmarks.servers import APPLICATION, OWNER, Postgres, free_port, running, running_postgres
from nestegg_core.application import start
from nestegg_core.settings import Environment

DATABASE = "bench"
SERVER = ["--workers", "2", "--threads", "4"]


@dataclass(frozen=True)
class Plan:
    """How each case is measured: so many rounds of so many seconds; the median round counts."""

    seconds: float
    rounds: int
    connections: int


@click.command(epilog="Example: make bench BENCH_ARGS='--seconds 5'")
@click.option("--seconds", default=5.0, help="Of each measurement.")
@click.option("--rounds", default=3, help="Each measurement is taken so often; the median counts.")
@click.option("--connections", default=16, help="Requests under way at once.")
@click.option("--rows", default=100_000, help="Encrypted values that rewrap moves.")
@click.option("--purge-rows", default=1_000_000, help="Transactions that retention deletes.")
@click.option("--job-count", default=2_000, help="Jobs that the queue carries.")
@click.option("--tokens", default=300, help="New bearer tokens that are verified in each round.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(
    *,
    seconds: float,
    rounds: int,
    connections: int,
    rows: int,
    purge_rows: int,
    job_count: int,
    tokens: int,
    as_json: bool,
) -> None:
    """Measure requests a second, p50 and p99, as medians of some rounds; then encryption, the
    purge of old transactions, jobs, and the verifying of bearer tokens.
    """
    results = requests_under_load(Plan(seconds, rounds, connections))
    encrypted = encryption.measure(rows)
    purged = retention.measure(purge_rows)
    done = jobs.measure(job_count)
    verified = identity.measure(tokens)
    if as_json:
        others = {"encryption": encrypted, "retention": purged, "jobs": done, "identity": verified}
        click.echo(json.dumps({**results, **others}))
    else:
        click.echo(f"{_table(results)}\n\n{encryption.table(encrypted)}")
        click.echo(f"\n{retention.table(purged)}\n\n{jobs.table(done)}")
        click.echo(f"\n{identity.table(verified)}")


def requests_under_load(plan: Plan) -> dict[str, dict[str, float]]:
    """Measure the server on PostgreSQL, and the barest handler of the same page."""
    with running_postgres() as postgres, tempfile.TemporaryDirectory() as home:
        variables = _variables(postgres, home)
        household = _filled(postgres, variables)
        ours, bare = free_port(), free_port()
        bare_variables = {
            "BARE_DATABASE_URL": postgres.url(DATABASE, OWNER),
            "BARE_ORG_ID": str(household.org_id),
        }
        with (
            running(["nestegg", "serve", "--port", str(ours), *SERVER], ours, variables),
            running(_bare(bare), bare, bare_variables),
        ):
            return _measure(_cases(ours, bare, household), plan)


def _bare(port: int) -> list[str]:
    return [
        *("gunicorn", "-k", "gthread", "-b", f"127.0.0.1:{port}", *SERVER),
        *("--log-level", "error", "benchmarks.bare:application()"),
    ]


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


def _filled(postgres: Postgres, variables: dict[str, str]) -> Household:
    runtime = start(Environment.read(variables, dotenv=None))
    runtime.storage.upgrade()
    runtime.check_keys()
    household = fill(runtime)
    runtime.storage.dispose()
    postgres.execute("VACUUM ANALYZE", DATABASE)
    return household


def _cases(ours: int, bare: int, household: Household) -> dict[str, Request]:
    signed_in = {"Authorization": f"Bearer {household.token}"}
    organization = f"/api/v1/organizations/{household.org_id}"
    return {
        "page of 50": Request(ours, f"{organization}/transactions", signed_in),
        "bare page of 50": Request(bare, "/page", {}),
        "current user": Request(ours, "/api/v1/me", signed_in),
        "accounts": Request(ours, f"{organization}/accounts", signed_in),
        "livez": Request(ours, "/livez", {}),
    }


def _measure(cases: dict[str, Request], plan: Plan) -> dict[str, dict[str, float]]:
    for case in cases.values():  # fills the pools, and is not counted
        measure(case, connections=plan.connections, seconds=1)
    # Round by round, so that what is compared was measured in the same minute.
    taken: dict[str, list[Load]] = {name: [] for name in cases}
    for _ in range(plan.rounds):
        for name, case in cases.items():
            taken[name].append(measure(case, connections=plan.connections, seconds=plan.seconds))
            click.echo(f"{name}: {taken[name][-1].rate:.0f}/s", err=True)
    return {name: _median(loads) for name, loads in taken.items()}


def _median(loads: list[Load]) -> dict[str, float]:
    middle = sorted(loads, key=lambda load: load.rate)[len(loads) // 2]
    return asdict(middle)


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
