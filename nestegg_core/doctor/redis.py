"""Redis: does it answer, is it guarded, and does it keep what it is told?"""

from collections.abc import Iterator, Mapping
from typing import Any

from redis import Redis
from redis.exceptions import AuthenticationError, AuthorizationError, RedisError

from nestegg_core.contracts.operations import Diagnosis

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
