"""`make faults`: every fault, one after the other, and what it did."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import click

from benchmarks.faults import clients, commands, database, processes, proxies, queue
from benchmarks.faults.report import Report, table
from support.redis import MISSING, redis_server


@click.command(epilog="Example: make faults FAULTS_ARGS='--seconds 5'")
@click.option("--seconds", default=30.0, show_default=True, help="Of each fault that lasts.")
@click.option("--only", help="Do those alone whose name has this in it, e.g. redis.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(*, seconds: float, only: str | None, as_json: bool) -> None:
    """Break what the server stands on, under load; exits 1 if anything was lost, doubled or half
    done.
    """
    chosen = {name: do for name, do in faults(seconds).items() if not only or only in name}
    reports = []
    for number, (name, do) in enumerate(chosen.items(), start=1):
        click.echo(f"{number}/{len(chosen)} {name} ...", err=True)
        reports.append(do())
    if as_json:
        click.echo(json.dumps([asdict(report) for report in reports]))
    else:
        click.echo(table(reports))
    sys.exit(0 if all(report.clean for report in reports) else 1)


def faults(seconds: float) -> dict[str, Callable[[], Report]]:
    """Return every fault that can be done here, by name."""
    lasting = {
        "postgresql stopped": database.stopped,
        "postgresql killed": database.killed,
        "postgresql frozen": database.frozen,
        "postgresql slowed": database.slowed,
        "postgresql at max_connections": database.at_max_connections,
        "pools too small": database.pools_too_small,
        "processes killed": processes.workers_killed,
        "rolling restart": processes.rolled,
        "silent clients": clients.silent,
        "idle connections": clients.idle,
    }
    for kind in proxies.KINDS:
        if why := proxies.missing(kind):
            click.echo(f"left out: {why}", err=True)
        else:
            lasting[f"silent clients behind {kind}"] = partial(clients.silent, proxy=kind)
    if redis_server() is None:
        click.echo(f"left out: {MISSING}", err=True)
    else:
        lasting |= {"redis stopped": queue.stopped, "redis full": queue.full}
    return {
        **{name: partial(do, seconds) for name, do in lasting.items()},
        "migrators at once": commands.migrators_at_once,
        "disk full during a backup": commands.disk_full_during_backup,
    }


if __name__ == "__main__":
    main()
