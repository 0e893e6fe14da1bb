"""Keeps the leases of running jobs alive, from one thread beside them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from nestegg_core.errors import NestEggError
from nestegg_core.jobs.book import Claim

_log = structlog.get_logger("nestegg.jobs")


class Keeper:
    """Renews leases for as long as their jobs run.

    Its thread begins with a job and ends a while after the last: a thread for each would cost
    more than a small job does.

    Args:
        renew: moves one lease on; false when another worker has taken the job over.
        seconds: between two renewals.
    """

    def __init__(self, renew: Callable[[Claim], bool], seconds: float) -> None:
        self._renew = renew
        self._seconds = seconds
        self._lock = threading.Lock()
        self._claims: dict[str, Claim] = {}
        self._running = False

    @contextmanager
    def keeping(self, claim: Claim) -> Iterator[None]:
        """Renew a lease until the block ends."""
        with self._lock:
            self._claims[claim.owner] = claim
            if not self._running:
                self._running = True
                threading.Thread(target=self._keep, name="job leases", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._claims.pop(claim.owner, None)

    def _keep(self) -> None:
        while True:
            time.sleep(self._seconds)
            with self._lock:
                claims = list(self._claims.values())
                if not claims:
                    self._running = False
                    return
            for claim in claims:
                self._renew_one(claim)

    def _renew_one(self, claim: Claim) -> None:
        """A renewal that fails is tried again the next time."""
        try:
            if self._renew(claim):
                return
        except NestEggError as error:
            _log.warning("lease was not renewed", job_id=claim.id, error=str(error))
            return
        with self._lock:  # it may have ended just now, which is no news
            lost = self._claims.pop(claim.owner, None)
        if lost is not None:
            _log.warning("job was taken over by another worker", job_id=claim.id)
