"""Around the jobs of plugins: what one raises is its plugin's fault, and stays in its row."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.errors import NestEggError
from nestegg_core.guards.guard import Guard


def guarded_job(guard: Guard, name: str, job: JobRegistration) -> JobRegistration:
    """Return the job under a name, raising `PluginFault` in place of what is not Nest Egg's."""

    def run(arguments: Mapping[str, Any]) -> None:
        guard.call(f"job {job.name}", (NestEggError,), job.run, arguments)

    return replace(job, name=name, run=run)
