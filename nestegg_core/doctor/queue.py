"""Redis and the queue on it: do they answer, does somebody work, does a job wait too long?"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from redis import Redis
from redis.exceptions import AuthenticationError, AuthorizationError, RedisError
from rq import Worker
from sqlalchemy import and_, func, select

from nestegg_core.contracts.operations import Diagnosis
from nestegg_core.contracts.storage import Storage
from nestegg_core.database.tables import jobs
from nestegg_core.errors import StorageUnavailable

OLDEST, UNUSABLE = (6, 2), (6, 0)
"""Versions: the oldest that is tested, and the one before which libraries have no protocol."""

_SECONDS = 3.0
_FULL = 0.9


def redis(url: str, variable: str, *, carries_jobs: bool, guarded: bool) -> Iterator[Diagnosis]:
    """`guarded`: nobody else can reach it without a password."""
    with Redis.from_url(
        url,
        socket_connect_timeout=_SECONDS,
        socket_timeout=_SECONDS,
        decode_responses=True,
        protocol=2,  # which old ones speak too: they shall tell their version
    ) as client:
        try:
            info: Mapping[str, Any] = client.info()
        except AuthenticationError:
            yield Diagnosis(
                "error",
                "Redis refuses the user or password",
                "no job is carried and limits count for each process alone",
                f"write redis://user:password@host:6379/0 in {variable}, as Redis knows them",
            )
        except AuthorizationError:
            return  # INFO is forbidden: it answers, and tells no more
        except RedisError as error:
            yield Diagnosis(
                "error",
                f"Redis does not answer ({type(error).__name__})",
                "jobs wait until it does and limits count for each process alone",
                f"start it, or correct host and port in {variable}",
            )
        else:
            yield from _told(info, variable, carries_jobs=carries_jobs)
            if not guarded:
                yield _open(variable)


def _told(info: Mapping[str, Any], variable: str, *, carries_jobs: bool) -> Iterator[Diagnosis]:
    told = str(info.get("redis_version", ""))
    version = tuple(map(int, told.split(".")[:2])) if told else OLDEST
    if version < OLDEST:
        yield Diagnosis(
            "error" if version < UNUSABLE else "warning",
            f"Redis is of version {told}",
            "nothing before 6.2 is tested or gets security fixes, and before 6.0 nothing works",
            "install Redis 7 or newer, or Valkey",
        )
    policy = info.get("maxmemory_policy", "noeviction")
    if carries_jobs and policy != "noeviction":
        yield Diagnosis(
            "error",
            f"Redis may drop jobs: its maxmemory-policy is {policy}",
            "workers refuse to start",
            "set `maxmemory-policy noeviction` in redis.conf, or give the queue a Redis of its "
            "own in QUEUE_REDIS_URL",
        )
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if most and used > most * _FULL:
        yield Diagnosis(
            "warning",
            f"Redis has used {used * 100 // most}% of its maxmemory",
            "when it is full, it takes no more jobs",
            f"set maxmemory higher in the Redis of {variable}",
        )


def _open(variable: str) -> Diagnosis:
    return Diagnosis(
        "warning",
        "Redis is reached over a network without a password",
        "whoever reaches it can read and change jobs",
        f"set requirepass there and write redis://:password@host:6379/0 in {variable}; or name a "
        "private network in TRUSTED_NETWORKS",
    )


QUEUES = ("default", "heavy")
LATE = timedelta(minutes=10)
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
