"""What the processes of an instance take at rest: proportional set size, on PostgreSQL and Redis.

python -m benchmarks.memory
"""

import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import click
import psutil
import requests

from benchmarks.faults.scene import Process, Scene, scene, wait_for
from benchmarks.servers import free_port, running_postgres
from support.redis import running_redis

MB = 1024
LIMITS = {"serve, 2 processes": 180, "worker, 2 processes": 110, "scheduler": 60}
"""Megabytes that may not be passed."""

_ASKED = 20
_SETTLED = 3.0


def measure() -> dict[str, float]:
    """Start an instance, use each part of it a little, and return what each takes in MB."""
    with running_postgres() as postgres, running_redis() as redis, ExitStack() as stack:
        it = stack.enter_context(scene(postgres, REDIS_URL=redis.url))
        ports = {f"{kind}_METRICS_PORT": str(free_port()) for kind in ("WORKER", "SCHEDULER")}
        variables = {**it.variables, **ports}
        others = {name: Process([name], variables) for name in ("worker", "scheduler")}
        for process in others.values():
            stack.callback(process.stop)
        _use(it, ports)
        time.sleep(_SETTLED)
        found = (it.server, others["worker"], others["scheduler"])
        return {
            name: round(proportional(process.process), 1)
            for name, process in zip(LIMITS, found, strict=True)
        }


def _use(it: Scene, ports: Mapping[str, str]) -> None:
    for _ in range(_ASKED):
        for path in ("accounts", "transactions"):
            requests.get(it.url(path), headers=it.headers, timeout=60).raise_for_status()
        requests.get(f"{it.address}/readyz", timeout=60).raise_for_status()
    for port in ports.values():
        wait_for(lambda port=port: _listens(port), "a process with its metrics")  # type: ignore[misc]


def _listens(port: str) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/", timeout=5).status_code > 0
    except requests.RequestException:
        return False


def proportional(process: psutil.Process) -> float:
    """Return what a process and all below it take, in MB; what they share counts once."""
    family = [process, *process.children(recursive=True)]
    return sum(_kilobytes(one.pid) for one in family) / MB


def _kilobytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(*, as_json: bool) -> None:
    """Measure, and compare with what is promised."""
    found = measure()
    if as_json:
        click.echo(json.dumps(found))
        return
    for name, megabytes in found.items():
        click.echo(f"{name:24}{megabytes:>8.1f} MB of {LIMITS[name]}")


if __name__ == "__main__":
    main()
