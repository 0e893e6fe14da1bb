"""Puts the parts together."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.contracts.storage import Storage
from nestegg_core.database.rows import SealedRows
from nestegg_core.jobs.book import JobBook, WorkIndex
from nestegg_core.jobs.doing import Metrics, Performer
from nestegg_core.jobs.forgetting import forget_jobs
from nestegg_core.jobs.lost import LostAndFound
from nestegg_core.jobs.policy import Policy
from nestegg_core.jobs.queue import RedisQueue
from nestegg_core.jobs.registry import Registry
from nestegg_core.jobs.service import Jobs


def make_jobs(
    *,
    storage: Storage,
    rows: SealedRows,
    index: WorkIndex,
    clock: Callable[[], datetime],
    registrations: Iterable[JobRegistration],
    policy: Policy,
    redis_url: str | None,
    metrics: Metrics,
    describe: Callable[[BaseException], str],
    report: Callable[[BaseException, Mapping[str, str]], None],
) -> Jobs:
    """Return the jobs of an instance. Connects to nothing.

    Args:
        storage: where accepted jobs are kept.
        rows: seals their arguments.
        index: digests them.
        clock: the present moment.
        registrations: the jobs that there are, besides the one that looks after their own rows.
        policy: leases and tries.
        redis_url: of the queue; `None` runs each job in the process that asks for it.
        metrics: counts and durations of runs.
        describe: turns what a job raised into text without any person's data.
        report: is told of what a job raised.
    """
    book = JobBook(storage, rows, index, clock, policy)
    registry = Registry([forget_jobs(book), *registrations])
    queue = RedisQueue(redis_url) if redis_url is not None else None
    performer = Performer(
        registry=registry,
        book=book,
        tries_again=queue is not None,
        metrics=metrics,
        describe=describe,
        report=report,
    )
    return Jobs(
        registry=registry,
        book=book,
        lost=LostAndFound(storage, clock, policy),
        performer=performer,
        queue=queue,
        metrics=metrics,
    )
