"""What a provider publishes, kept: fetched lazily, by one thread at a time, stale in need."""

import hashlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from nestegg_core.auth.oidc.discovery import FetchFailed
from nestegg_core.auth.oidc.keys import KeySet, KeySetRefused
from nestegg_core.contracts.context import Clock
from nestegg_core.contracts.identity import Valid
from nestegg_core.errors import ProviderUnavailable

logger = logging.getLogger(__name__)

T = TypeVar("T")


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
class _Held(Generic[T]):
    value: T
    since: datetime
    fresh_until: datetime
    usable_until: datetime


class FetchCache(Generic[T]):
    """One document of a provider in this process.

    Nothing is fetched and no thread is started before the first call, so that it may be made
    before a server forks. Every fetch runs in its own thread, one at a time. `fetch` returns the
    document and the seconds that it may be kept, `None` where the provider does not say.
    """

    def __init__(
        self,
        fetch: Callable[[], tuple[T, int | None]],
        *,
        clock: Clock,
        policy: KeyPolicy,
        what: str,
    ) -> None:
        self._fetch, self._clock, self._policy, self._what = fetch, clock, policy, what
        self._lock = threading.Lock()
        self._held: _Held[T] | None = None
        self._failed = False
        self._attempted_at: datetime | None = None
        self._flight: threading.Thread | None = None

    def held(self, now: datetime) -> T | None:
        """Return what is at hand if it is usable. Never waits.

        What is past its age is fetched again in the background meanwhile.
        """
        held = self._held
        if held is None:
            return None
        if not held.since <= now < held.fresh_until:
            self.start_fetch(now)
        return held.value if now < held.usable_until else None

    def usable(self, now: datetime, seconds: float | None = None) -> T | None:
        """Return what is usable; waits for it only when nothing is at hand."""
        value = self.held(now)
        if value is None:
            flight = self.start_fetch(now)
            if flight is not None:
                flight.join(self._policy.deadline if seconds is None else seconds)
            value = self.held(now)
        return value

    def start_fetch(self, now: datetime) -> threading.Thread | None:
        """Return the running fetch, a new one, or `None` within the cooldown."""
        with self._lock:
            # After a fork the parent's thread counts as ended, so a child is never stuck here.
            if self._flight is not None and self._flight.is_alive():
                return self._flight
            last = self._attempted_at
            if last is not None and last <= now < last + self._policy.cooldown:
                return None
            self._attempted_at = now
            self._flight = threading.Thread(target=self._refresh, name=self._what, daemon=True)
            self._flight.start()
            return self._flight

    def _refresh(self) -> None:
        failed = True
        try:
            value, seconds = self._fetch()
            self._keep(value, seconds)
            failed = False
        except (FetchFailed, KeySetRefused, ProviderUnavailable) as error:
            logger.warning("%s were not fetched: %s", self._what, error)
        except Exception:
            logger.exception("fetching %s failed unexpectedly", self._what)
        self._failed = failed

    def _keep(self, value: T, seconds: int | None) -> None:
        policy, now, previous = self._policy, self._clock(), self._held
        age = policy.default_age if seconds is None else timedelta(seconds=seconds)
        fresh_until = now + min(max(age, policy.min_age), policy.max_age)
        if previous is not None and self._same(previous.value, value):
            value = previous.value  # the very same object: what was verified with it stays so
        self._held = _Held(value, now, fresh_until, fresh_until + policy.stale)

    def _same(self, old: T, new: T) -> bool:
        return old == new


class KeyCache(FetchCache[KeySet]):
    """The keys of one provider in this process."""

    def newest(self, now: datetime) -> KeySet | None:
        """Return the keys after an attempt to fetch newer ones, for a token with an unknown key.

        Within the cooldown there is no attempt, and what the last one brought is returned.
        """
        flight = self.start_fetch(now)
        if flight is not None:
            flight.join(self._policy.unknown_key_wait)
            if flight.is_alive():
                return None
        return None if self._failed else self.held(now)

    def _same(self, old: KeySet, new: KeySet) -> bool:
        return old.fingerprint == new.fingerprint


def token_digest(token: str) -> bytes:
    """Return what stands for a token here: its SHA-256, so that none is kept in memory."""
    return hashlib.sha256(token.encode("ascii")).digest()


class RememberedTokens:
    """A bounded memory of verdicts; the oldest entry leaves first.

    Only verified tokens get in, so that strangers cannot push others out.
    """

    def __init__(self, capacity: int = 4096) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._entries: dict[bytes, tuple[Valid, KeySet]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, digest: bytes, now: datetime) -> tuple[Valid, KeySet] | None:
        """Return the verdict and the keys that it rests on, unless the token has expired.

        The caller must see to it that those keys are still the provider's.
        """
        entry = self._entries.get(digest)
        if entry is None:
            return None
        return entry if now < entry[0].identity.expires_at else None

    def put(self, digest: bytes, verdict: Valid, keys: KeySet) -> None:
        """Remember a verdict, and forget the oldest when there are too many."""
        with self._lock:
            self._entries.pop(digest, None)
            while len(self._entries) >= self._capacity:
                del self._entries[next(iter(self._entries))]
            self._entries[digest] = (verdict, keys)
