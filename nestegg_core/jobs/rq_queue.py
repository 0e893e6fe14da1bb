"""The queue in Redis: messages with the ids of jobs, as RQ keeps them."""

from collections.abc import Sequence
from functools import cached_property

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError as RedisRefuses
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

from nestegg_core.jobs.model import TIME_LIMITS

PERFORM = "nestegg_core.jobs.rq_worker.perform"
"""What a message calls. It stands in Redis, so a release must be able to run the last one's."""

_SECONDS = 1.0
"""How long a request may be held up by a Redis that does not answer: the job is stored anyway."""

_KEEP_FAILED_MESSAGES = 3600
_POLICY = "noeviction"


class RedisQueue:
    """Fills the queues, and looks at them. Connects at first use, which is after a fork."""

    def __init__(self, url: str) -> None:
        self.url = url

    @cached_property
    def redis(self) -> Redis:
        """The connection for requests: it gives up soon, and tries a stale one anew once."""
        return Redis.from_url(
            self.url,
            socket_connect_timeout=_SECONDS,
            socket_timeout=_SECONDS,
            retry=Retry(NoBackoff(), 1),
        )

    @cached_property
    def _queues(self) -> dict[str, Queue]:
        return {
            name: Queue(
                name, connection=self.redis, serializer=JSONSerializer, default_timeout=seconds
            )
            for name, seconds in TIME_LIMITS.items()
        }

    def send(self, queue: str, job_ids: Sequence[str]) -> None:
        target = self._queues[queue]
        with self.redis.pipeline() as pipeline:
            for job_id in job_ids:
                target.enqueue_call(
                    PERFORM,
                    args=(job_id,),
                    job_id=job_id,
                    description=job_id,
                    result_ttl=0,
                    failure_ttl=_KEEP_FAILED_MESSAGES,
                    pipeline=pipeline,
                )
            pipeline.execute()

    def first(self, queue: str) -> str | None:
        """Return the job of the message that is delivered next."""
        found = self._queues[queue].get_job_ids(0, 1)
        return found[0] if found else None

    def ping(self) -> None:
        self.redis.ping()

    def eviction(self) -> str | None:
        """Return the `maxmemory-policy` that may cost messages; `None` when none is lost.

        `INFO` tells it also where `CONFIG` is forbidden, as by those who rent out Redis. One that
        forbids both cannot be asked.
        """
        try:
            policy = self.redis.info("memory").get("maxmemory_policy", _POLICY)
        except ResponseError:
            return None
        return None if policy == _POLICY else str(policy)


__all__ = ["PERFORM", "RedisError", "RedisQueue", "RedisRefuses"]
