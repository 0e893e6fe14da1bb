"""A provider's keys, kept: fetched lazily, by one thread at a time, and served stale in need."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from nestegg_core.contracts.context import Clock
from nestegg_core.identity.oidc.fetch import FetchFailed
from nestegg_core.identity.oidc.keys import KeySet, KeySetRefused

logger = logging.getLogger(__name__)

FetchKeys = Callable[[], tuple[KeySet, int | None]]
"""Fetches keys, and the seconds that they may be kept (`None`: the provider does not say)."""


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """How long keys are kept, and how often and how patiently they are fetched.

    Attributes:
        min_age: keys are not fetched again before this, whatever the provider says.
        max_age: keys are fetched again after this, whatever the provider says.
        default_age: for providers that do not say.
        stale: how much longer keys serve when the provider cannot be reached.
        cooldown: from the start of one fetch, failed or not, to the next.
        deadline: seconds for a whole fetch, discovery included.
        unknown_key_wait: seconds that a token with an unknown key waits for a fetch while other
            tokens can be verified. Short, so that such tokens cannot hold every thread.
    """

    min_age: timedelta = timedelta(minutes=5)
    max_age: timedelta = timedelta(hours=24)
    default_age: timedelta = timedelta(hours=1)
    stale: timedelta = timedelta(hours=24)
    cooldown: timedelta = timedelta(seconds=30)
    deadline: float = 5.0
    unknown_key_wait: float = 2.0


@dataclass(frozen=True, slots=True)
class _Held:
    keys: KeySet
    since: datetime
    fresh_until: datetime
    usable_until: datetime


class KeyCache:
    """The keys of one provider in this process.

    Nothing is fetched and no thread is started before the first call, so that it may be made
    before a server forks. Every fetch runs in a thread of its own, one at a time.

    Args:
        fetch: gets the keys.
        clock: the present moment.
        policy: ages and patience.
        name: the provider's, for logs.
    """

    def __init__(self, fetch: FetchKeys, *, clock: Clock, policy: KeyPolicy, name: str) -> None:
        self._fetch, self._clock, self._policy, self._name = fetch, clock, policy, name
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._failed = False
        self._attempted_at: datetime | None = None
        self._flight: threading.Thread | None = None

    def held(self, now: datetime) -> KeySet | None:
        """Return the keys at hand if they are usable. Never waits.

        Keys past their age are fetched again in the background meanwhile.
        """
        held = self._held
        if held is None:
            return None
        if not held.since <= now < held.fresh_until:
            self._start_fetch(now)
        return held.keys if now < held.usable_until else None

    def usable(self, now: datetime) -> KeySet | None:
        """Return usable keys; waits for them only when none are at hand.

        Returns:
            `None` when the provider cannot be reached.
        """
        keys = self.held(now)
        if keys is None:
            flight = self._start_fetch(now)
            if flight is not None:
                flight.join(self._policy.deadline)
            keys = self.held(now)
        return keys

    def newest(self, now: datetime) -> KeySet | None:
        """Return the keys after an attempt to fetch newer ones, for a token with an unknown key.

        Within the cooldown there is no attempt, and what the last one brought is returned.

        Returns:
            `None` when the attempt failed or takes too long, so that nothing can be said.
        """
        flight = self._start_fetch(now)
        if flight is not None:
            flight.join(self._policy.unknown_key_wait)
            if flight.is_alive():
                return None
        return None if self._failed else self.held(now)

    def _start_fetch(self, now: datetime) -> threading.Thread | None:
        """Return the running fetch, a new one, or `None` within the cooldown."""
        with self._lock:
            # After a fork the parent's thread counts as ended, so a child is never stuck here.
            if self._flight is not None and self._flight.is_alive():
                return self._flight
            last = self._attempted_at
            if last is not None and last <= now < last + self._policy.cooldown:
                return None
            self._attempted_at = now
            self._flight = threading.Thread(
                target=self._refresh, name=f"keys-{self._name}", daemon=True
            )
            self._flight.start()
            return self._flight

    def _refresh(self) -> None:
        failed = True
        try:
            keys, seconds = self._fetch()
            self._keep(keys, seconds)
            failed = False
        except (FetchFailed, KeySetRefused) as error:
            logger.warning("keys of provider %s were not fetched: %s", self._name, error)
        except Exception:
            logger.exception("fetching keys of provider %s failed unexpectedly", self._name)
        self._failed = failed

    def _keep(self, keys: KeySet, seconds: int | None) -> None:
        policy, now, previous = self._policy, self._clock(), self._held
        age = policy.default_age if seconds is None else timedelta(seconds=seconds)
        fresh_until = now + min(max(age, policy.min_age), policy.max_age)
        if previous is not None and previous.keys.fingerprint == keys.fingerprint:
            keys = previous.keys  # the very same object: what was verified with it stays so
        self._held = _Held(keys, now, fresh_until, fresh_until + policy.stale)
