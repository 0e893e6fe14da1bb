"""Running one job: claim, keep the lease alive, run, and write down how it ended."""

import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog

from nestegg_core.database.ids import new_id
from nestegg_core.errors import DecryptionError
from nestegg_core.jobs.book import Claim, JobBook
from nestegg_core.jobs.current import running
from nestegg_core.jobs.lease import Keeper
from nestegg_core.jobs.registry import Registry

_log = structlog.get_logger("nestegg.jobs")


class Metrics(Protocol):
    """Takes measurements; see `nestegg_core.MetricsExporter`."""

    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        """Add to a counter."""
        ...

    def observe(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Record one value of a distribution."""
        ...

    def gauge(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Set the present value of something."""
        ...


class Performer:
    """Runs jobs in this process.

    Args:
        registry: the jobs that there are.
        book: their rows.
        tries_again: whether somebody would run a failed one again.
        metrics: `jobs` counts runs by `job` and `outcome`, `job_seconds` takes their durations.
        describe: turns what a job raised into text without any person's data.
        report: is told of what a job raised.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        book: JobBook,
        tries_again: bool,
        metrics: Metrics,
        describe: Callable[[BaseException], str],
        report: Callable[[BaseException, Mapping[str, str]], None],
    ) -> None:
        self._registry = registry
        self._book = book
        self._leases = Keeper(book.renew, book.policy.lease.total_seconds() / 3)
        self._tries_again = tries_again
        self._metrics = metrics
        self._describe = describe
        self._report = report

    def perform(self, job_id: str) -> None:
        """Run a job, unless another process does or has done it. What it raises is in its row.

        Raises:
            Conflict: equal work is running.
            StorageUnavailable: the database cannot be reached.
        """
        owner = f"{socket.gethostname()}:{os.getpid()}:{new_id().hex[-8:]}"
        claim = self._book.claim(job_id, owner)
        if claim is not None:
            self._run(claim)

    def _run(self, claim: Claim) -> None:
        log = _log.bind(job=claim.name, job_id=claim.id, attempt=claim.tries)
        log.info("job started")
        began = time.monotonic()
        try:
            with self._leases.keeping(claim), running(claim):
                self._registry.accepted(claim.name).run(self._book.arguments(claim))
        except Exception as error:
            self._report(error, {"job": claim.name, "job_id": claim.id})
            self._failed(claim, error, began)
        except BaseException as error:  # the process is being stopped
            self._failed(claim, error, began)
            raise
        else:
            if not self._book.finish(claim):
                log.warning("job is done, but had been taken over meanwhile: it is done twice")
                return
            self._measure(claim, "done", began)
            log.info("job done", seconds=round(time.monotonic() - began, 3))

    def _failed(self, claim: Claim, error: BaseException, began: float) -> None:
        text = self._describe(error)
        hopeless = isinstance(error, DecryptionError)  # no wait makes a damaged value open
        left = claim.tries < self._book.policy.max_tries
        again = self._tries_again and left and not hopeless
        if again:
            self._book.try_again(claim, text)
        else:
            self._book.give_up(claim, text)
        outcome = "retried" if again else "failed"
        self._measure(claim, outcome, began)
        log = _log.bind(job=claim.name, job_id=claim.id, attempt=claim.tries)
        (log.warning if again else log.error)("job failed", outcome=outcome, exception=text)

    def _measure(self, claim: Claim, outcome: str, began: float) -> None:
        self._metrics.count("jobs", {"job": claim.name, "outcome": outcome})
        self._metrics.observe("job_seconds", {"job": claim.name}, time.monotonic() - began)
