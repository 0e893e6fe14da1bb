"""The queue: does somebody work at it, and does a job wait too long?"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from redis import Redis
from redis.exceptions import RedisError
from rq import Worker
from sqlalchemy import and_, func, select

from nestegg_core.contracts.operations import Diagnosis
from nestegg_core.contracts.storage import Storage
from nestegg_core.database.tables import jobs
from nestegg_core.errors import StorageUnavailable

QUEUES = ("default", "heavy")
LATE = timedelta(minutes=10)
_SECONDS = 3.0
_OLDEST = select(func.min(jobs.c.due_at).label("due_at")).where(jobs.c.state == "queued")
_ENDED = (
    select(jobs.c.name, func.max(jobs.c.finished_at).label("at")).group_by(jobs.c.name).subquery()
)
_FAILED = (
    select(jobs.c.name)
    .join(_ENDED, and_(jobs.c.name == _ENDED.c.name, jobs.c.finished_at == _ENDED.c.at))
    .where(jobs.c.state == "failed")
    .distinct()
    .order_by(jobs.c.name)
)
"""Names of jobs whose newest run failed."""


def workers(url: str) -> list[frozenset[str]]:
    """Return the queue of each worker process that has been heard of lately."""
    with Redis.from_url(url, socket_connect_timeout=_SECONDS, socket_timeout=_SECONDS) as client:
        return [frozenset(one.queue_names()) for one in Worker.all(connection=client)]


def queue(url: str | None, storage: Storage, now: datetime) -> Iterator[Diagnosis]:
    if url is not None:
        yield from _unserved(url)
    try:
        with storage.system_transaction(write=False) as tx:
            due_at = tx.execute(_OLDEST).scalar()
            failed = tx.execute(_FAILED).scalars().all()
    except StorageUnavailable:
        return  # the check of the database tells
    if due_at is not None and now - due_at > LATE:
        minutes = int((now - due_at).total_seconds() // 60)
        yield Diagnosis(
            "warning",
            f"A job has been waiting for {minutes} minutes",
            "mails, imports and backups come late, or not at all",
            "see `nestegg jobs list --state queued`; start more workers: nestegg worker",
        )
    for name in failed:
        yield Diagnosis(
            "warning",
            f"The last run of the job {name} failed",
            "what it is for was not done, and was not done since",
            f"its error tells why: nestegg jobs list --name {name} --state failed",
        )


def _unserved(url: str) -> Iterator[Diagnosis]:
    try:
        served = frozenset[str]().union(*workers(url))
    except RedisError:
        return  # the check of Redis tells
    for name in QUEUES:
        if name not in served:
            yield Diagnosis(
                "warning",
                f"No worker is alive for the queue {name}",
                "its jobs wait until one is",
                f"nestegg worker --queues {name}",
            )
