"""Work outside of requests: accepted in the database, carried by RQ, done by workers.

The row in `jobs` is the truth and Redis only the messenger: a message holds nothing but the row's
id. What Redis loses, a sweep sends again; what it delivers twice, the row refuses the second time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from nestegg_core.errors import PluginFault

if TYPE_CHECKING:
    from nestegg_core.application import Background, Kernel, Sealed
    from nestegg_core.contracts.operations import JobRegistration
    from nestegg_core.jobs.service import Jobs
    from nestegg_core.jobs.store import JobList
    from nestegg_core.plugin_host.proxies import BoundedCheck


@dataclass(frozen=True)
class JobServices:
    jobs: "Jobs"
    job_list: "JobList"


def wire(
    kernel: "Sealed",
    registrations: Sequence["JobRegistration"],
) -> JobServices:
    from nestegg_core.jobs.model import Policy, Registry
    from nestegg_core.jobs.rq_queue import RedisQueue
    from nestegg_core.jobs.runner import JobRunner
    from nestegg_core.jobs.service import Jobs, cleanup_job
    from nestegg_core.jobs.store import JobList, JobRecovery, JobStore
    from nestegg_core.observability.logs import traceback_of

    settings, url = kernel.settings, kernel.settings.queue_redis_url
    policy = Policy(
        lease=timedelta(seconds=settings.job_lease_seconds),
        max_tries=settings.job_max_tries,
        first_wait=timedelta(seconds=settings.job_retry_seconds),
    )
    store = JobStore(kernel.storage, kernel.rows, kernel.index, kernel.clock, policy)
    registry = Registry([cleanup_job(store), *registrations])
    queue = RedisQueue(url.get_secret_value()) if url is not None else None
    runner = JobRunner(
        registry=registry,
        store=store,
        tries_again=queue is not None,
        metrics=kernel.metrics,
        describe=traceback_of,
        report=partial(_report, kernel),
    )
    jobs = Jobs(
        registry=registry,
        store=store,
        recovery=JobRecovery(kernel.storage, kernel.clock, policy),
        runner=runner,
        queue=queue,
        metrics=kernel.metrics,
    )
    return JobServices(jobs, JobList(kernel.storage, kernel.rows, jobs.full_name))


def checks(background: "Background") -> "Sequence[BoundedCheck]":
    """Return the core's checks for `/readyz` that need a limit of time, as plugins' do."""
    from nestegg_core.contracts.operations import HealthCheckRegistration
    from nestegg_core.plugin_host import Source
    from nestegg_core.plugin_host.proxies import BoundedCheck, Guard

    if background.jobs.queue is None:
        return []
    core = Source("builtin:core", "nestegg-core", version("nestegg-core"))
    # Without Redis jobs wait and requests do not: no reason to send requests elsewhere.
    queue = HealthCheckRegistration("queue", background.jobs.check, essential=False)
    return [BoundedCheck(Guard(core, background.faults), queue)]


def _report(kernel: "Kernel", error: BaseException, facts: Mapping[str, str]) -> None:
    if isinstance(error, PluginFault):  # recorded where it was raised
        return
    if kernel.attribution.attribute(error) is None:
        kernel.faults.report(error, facts)
