"""Runs jobs in this process, keeps their leases, and knows which job a thread is at."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import structlog

from nestegg_core.contracts.metrics import MetricsExporter
from nestegg_core.database.types import new_id
from nestegg_core.errors import DecryptionError, NestEggError
from nestegg_core.jobs.model import Registry
from nestegg_core.jobs.store import Claim, JobStore

USER, COMMAND, SCHEDULE, CORE = "user", "command", "schedule", "core"
"""Who asks for a job: somebody through the API, `nestegg jobs run`, the scheduler, or the core on
its own behalf, such as for a mail.
"""

_current: ContextVar[Claim | None] = ContextVar("job", default=None)


def current_job() -> Claim | None:
    return _current.get()


def asked_by() -> str:
    job = current_job()
    return job.asked_by if job else CORE


@contextmanager
def running(claim: Claim) -> Iterator[None]:
    token = _current.set(claim)
    try:
        yield
    finally:
        _current.reset(token)


_log = structlog.get_logger("nestegg.jobs")


class LeaseRenewer:
    """Renews leases for as long as their jobs run.

    One thread for all: it begins with a job and ends a while after the last.
    """

    def __init__(self, renew: Callable[[Claim], bool], seconds: float) -> None:
        self._renew = renew
        self._seconds = seconds
        self._lock = threading.Lock()
        self._claims: dict[str, Claim] = {}
        self._running = False

    @contextmanager
    def renewing(self, claim: Claim) -> Iterator[None]:
        with self._lock:
            self._claims[claim.owner] = claim
            if not self._running:
                self._running = True
                threading.Thread(target=self._renew_all, name="job leases", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._claims.pop(claim.owner, None)

    def _renew_all(self) -> None:
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


class JobRunner:
    """Runs jobs in this process; what one raises is in its row, described without user data."""

    def __init__(
        self,
        *,
        registry: Registry,
        store: JobStore,
        tries_again: bool,
        metrics: MetricsExporter,
        describe: Callable[[BaseException], str],
        report: Callable[[BaseException, Mapping[str, str]], None],
    ) -> None:
        self._registry = registry
        self._store = store
        self._leases = LeaseRenewer(store.renew, store.policy.lease.total_seconds() / 3)
        self._tries_again = tries_again
        self._metrics = metrics
        self._describe = describe
        self._report = report

    def run(self, job_id: str) -> None:
        """Run a job, unless another process does or did it; Conflict if equal work is running."""
        owner = f"{socket.gethostname()}:{os.getpid()}:{new_id().hex[-8:]}"
        claim = self._store.claim(job_id, owner)
        if claim is not None:
            self._run_claimed(claim)

    def _run_claimed(self, claim: Claim) -> None:
        log = _log.bind(job=claim.name, job_id=claim.id, attempt=claim.tries)
        log.info("job started")
        began = time.monotonic()
        try:
            with self._leases.renewing(claim), running(claim):
                self._registry.accepted(claim.name).run(self._store.arguments(claim))
        except Exception as error:
            self._report(error, {"job": claim.name, "job_id": claim.id})
            self._failed(claim, error, began)
        except BaseException as error:  # the process is being stopped
            self._failed(claim, error, began)
            raise
        else:
            if not self._store.finish(claim):
                log.warning("job is done, but had been taken over meanwhile: it is done twice")
                return
            self._measure(claim, "done", began)
            log.info("job done", seconds=round(time.monotonic() - began, 3))

    def _failed(self, claim: Claim, error: BaseException, began: float) -> None:
        text = self._describe(error)
        hopeless = isinstance(error, DecryptionError)  # no wait makes a damaged value open
        left = claim.tries < self._store.policy.max_tries
        again = self._tries_again and left and not hopeless
        if again:
            self._store.try_again(claim, text)
        else:
            self._store.give_up(claim, text)
        outcome = "retried" if again else "failed"
        self._measure(claim, outcome, began)
        log = _log.bind(job=claim.name, job_id=claim.id, attempt=claim.tries)
        (log.warning if again else log.error)("job failed", outcome=outcome, exception=text)

    def _measure(self, claim: Claim, outcome: str, began: float) -> None:
        self._metrics.count("jobs", {"job": claim.name, "outcome": outcome})
        self._metrics.observe("job_seconds", {"job": claim.name}, time.monotonic() - began)
