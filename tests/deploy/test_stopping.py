"""Whatever runs the processes gives them the time to stop that they ask for."""

import click
import pytest

from nestegg_core.cli.worker import worker
from nestegg_core.server.app import GRACEFUL_SECONDS
from support.environments import ROOT
from support.kubernetes import deployments
from support.native_compose.composefile import read


def grace_of_a_worker() -> float:
    (option,) = (p for p in worker.params if isinstance(p, click.Option) and p.name == "grace")
    return float(str(option.default))


NEEDED = {"backend": float(GRACEFUL_SECONDS), "worker": grace_of_a_worker()}


@pytest.mark.parametrize(("name", "needed"), NEEDED.items())
def test_compose_waits_longer_than_a_process_needs(name: str, needed: float) -> None:
    grace = read(ROOT / "compose.yaml")[name].config["stop_grace_period"]
    assert float(grace.removesuffix("s")) > needed


@pytest.mark.parametrize("name", ["nestegg-backend", "nestegg-worker", "nestegg-worker-heavy"])
def test_kubernetes_waits_longer_than_a_process_needs(name: str) -> None:
    pod = deployments()[name]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    hook = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["", 0])
    needed = NEEDED[name.split("-")[1]] + float(hook[1])
    assert pod["terminationGracePeriodSeconds"] > needed
