"""How often something may be tried, by whom: moving windows in Redis, or in this process.

Redis counts for all processes together. Without `REDIS_URL`, and while Redis does not answer, each
process counts for itself: nobody is locked out, and a limit is at worst as many times wider as
there are processes.
"""

import math
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TypeVar
from uuid import UUID

import structlog
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from nestegg_core.database.scoping import refuse_inside_a_transaction
from nestegg_core.encryption.blind_index import BlindIndex
from nestegg_core.errors import TooManyRequests

T = TypeVar("T")

RULES: Mapping[str, str] = {
    "sign-in to an account from an address": "10 per 15 minutes",
    "sign-in from an address": "100 per 15 minutes",
    "sign-in to an account": "50 per 1 hour",
    "code for an account": "30 per 1 day",
    "proof by a user": "10 per 15 minutes",
    "emails found taken from an address": "20 per 1 hour",
    "reset links from an address": "20 per 1 hour",
    "reset links of an account": "3 per 1 hour",
    "verification mails of a user": "5 per 1 hour",
    "registrations from an address": "20 per 1 hour",
    "invitations of an organization": "50 per 1 hour",
    "invitations of a user": "50 per 1 hour",
    "invitations from an address": "50 per 1 hour",
}
"""How often each thing may be done, by the name that `RateLimits.hit` is called with."""

SETTINGS: Mapping[str, str] = {
    "registrations from an address": "REGISTRATIONS_PER_HOUR",
    "invitations of an organization": "INVITATIONS_PER_HOUR",
    "invitations of a user": "INVITATIONS_PER_HOUR",
    "invitations from an address": "INVITATIONS_PER_HOUR",
}
"""The variable that sets a rule, of those that the operator can set."""

_SECONDS = 1.0
"""How long a request may be held up by a Redis that does not answer."""

_PAUSE_SECONDS = 30.0
"""For how long Redis is not tried again after it failed: requests shall not all wait for it."""

_log = structlog.get_logger("nestegg.rate_limits")


class RateLimits:
    """Counts tries, and refuses those beyond a rule. Connects at first use: after a fork.

    Example:
        >>> from nestegg_core.encryption.blind_index import BlindIndex
        >>> limits = RateLimits(BlindIndex(lambda: bytes(32)), rules={"greeting": "1 per 1 hour"})
        >>> limits.hit("greeting", "ada@example.org")
        >>> limits.hit("greeting", "ada@example.org")
        Traceback (most recent call last):
        nestegg_core.errors.TooManyRequests: That was tried too often. Try again later.
    """

    def __init__(
        self, index: BlindIndex, redis_url: str | None = None, rules: Mapping[str, str] = RULES
    ) -> None:
        self._index = index
        self._redis_url = redis_url
        self._rules = {name: parse(limit) for name, limit in rules.items()}
        self._down = False
        self._retry_at = 0.0

    def hit(self, rule: str, *key_parts: str | UUID) -> None:
        item, key = self._rules[rule], self._key(rule, key_parts)
        wait = self._counting(lambda limiter: _hit(limiter, item, key))
        if wait:
            raise _refusal(rule, wait)

    def require(self, rule: str, *key_parts: str | UUID) -> None:
        """Refuse where a rule is used up, and count nothing: for what counts only if it fails."""
        item, key = self._rules[rule], self._key(rule, key_parts)
        wait = self._counting(lambda limiter: _test(limiter, item, key))
        if wait:
            raise _refusal(rule, wait)

    def forget(self, rule: str, *key_parts: str | UUID) -> None:
        item, key = self._rules[rule], self._key(rule, key_parts)
        self._counting(lambda limiter: limiter.clear(item, key))

    def _key(self, rule: str, parts: tuple[str | UUID, ...]) -> str:
        return self._index.of(f"rate_limits.{rule}", "\0".join(map(str, parts))).hex()

    def _counting(self, work: Callable[[MovingWindowRateLimiter], T]) -> T:
        refuse_inside_a_transaction("A rate limit")  # Redis may take a second to answer
        if self._redis_url is not None and time.monotonic() >= self._retry_at:
            try:
                done = work(self._shared)
            except RedisError as error:
                self._fall_back(error)
            else:
                self._back()
                return done
        return work(self._own)

    def _fall_back(self, error: RedisError) -> None:
        self._retry_at = time.monotonic() + _PAUSE_SECONDS
        if not self._down:
            self._down = True
            _log.warning(
                "Redis does not answer: each process counts tries for itself",
                error=type(error).__name__,
                fix="start Redis, or correct REDIS_URL",
            )

    def _back(self) -> None:
        if self._down:
            self._down = False
            _log.info("Redis answers again: it counts tries for all processes")

    @cached_property
    def _own(self) -> MovingWindowRateLimiter:
        return MovingWindowRateLimiter(MemoryStorage())

    @cached_property
    def _shared(self) -> MovingWindowRateLimiter:
        url = str(self._redis_url)
        pool = ConnectionPool.from_url(
            url,
            socket_connect_timeout=_SECONDS,
            socket_timeout=_SECONDS,
            retry=Retry(NoBackoff(), 1),
        )
        return MovingWindowRateLimiter(
            RedisStorage(url, connection_pool=pool, key_prefix="nestegg:limits")
        )


def _hit(limiter: MovingWindowRateLimiter, item: RateLimitItem, key: str) -> int:
    """Count; returns the seconds to wait where the rule is used up, else 0."""
    return 0 if limiter.hit(item, key) else _wait(limiter, item, key)


def _test(limiter: MovingWindowRateLimiter, item: RateLimitItem, key: str) -> int:
    return 0 if limiter.test(item, key) else _wait(limiter, item, key)


def rules_with(per_hour: Mapping[str, int]) -> Mapping[str, str]:
    chosen = {rule: f"{per_hour[setting]} per 1 hour" for rule, setting in SETTINGS.items()}
    return {**RULES, **chosen}


def _refusal(rule: str, wait: int) -> TooManyRequests:
    return TooManyRequests(
        "That was tried too often. Try again later.",
        retry_after=wait,
        setting=SETTINGS.get(rule, ""),
    )


def _wait(limiter: MovingWindowRateLimiter, item: RateLimitItem, key: str) -> int:
    ends_at = limiter.get_window_stats(item, key).reset_time
    return max(1, math.ceil(ends_at - time.time()))
