"""The leases of running jobs are renewed until the jobs end."""

import threading

from nestegg_core import StorageUnavailable
from nestegg_core.application import utc_now
from nestegg_core.jobs.runner import LeaseRenewer
from nestegg_core.jobs.store import Claim
from support.traces import eventually

SOON = 0.01


def claim(name: str) -> Claim:
    return Claim(name, "work", 1, f"owner of {name}", "core", utc_now(), "")


class Renewals:
    """Notes who was renewed, and answers as it is told.

    Attributes:
        ids: of jobs, one for each call.
        threads: that it was called from.
    """

    def __init__(self, *answers: bool | StorageUnavailable) -> None:
        self.ids: list[str] = []
        self.threads: set[threading.Thread] = set()
        self._answers = iter(answers)

    def __call__(self, renewed: Claim) -> bool:
        self.threads.add(threading.current_thread())
        self.ids.append(renewed.id)
        answer = next(self._answers, True)
        if isinstance(answer, StorageUnavailable):
            raise answer
        return answer

    def ended(self) -> bool:
        return bool(self.threads) and not any(thread.is_alive() for thread in self.threads)


def test_every_running_job_is_renewed_again_and_again_from_one_thread() -> None:
    renewals = Renewals()
    renewer = LeaseRenewer(renewals, SOON)

    with renewer.renewing(claim("one")), renewer.renewing(claim("two")):
        eventually(lambda: min(renewals.ids.count("one"), renewals.ids.count("two")) >= 3)

    assert len(renewals.threads) == 1


def test_what_has_ended_is_not_renewed_and_the_thread_ends_soon() -> None:
    renewals = Renewals()
    renewer = LeaseRenewer(renewals, SOON)
    with renewer.renewing(claim("one")):
        pass

    with renewer.renewing(claim("two")):
        eventually(lambda: len(renewals.ids) >= 2)
    eventually(renewals.ended)

    assert set(renewals.ids) == {"two"}


def test_a_database_that_is_away_for_a_moment_ends_nothing() -> None:
    renewals = Renewals(StorageUnavailable("away"), True)

    with LeaseRenewer(renewals, SOON).renewing(claim("one")):
        eventually(lambda: len(renewals.ids) >= 3)


def test_one_that_was_taken_over_is_let_go() -> None:
    renewals = Renewals(False)

    with LeaseRenewer(renewals, SOON).renewing(claim("one")):
        eventually(renewals.ended)

    assert renewals.ids == ["one"]
