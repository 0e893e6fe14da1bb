"""The lease of a running job is renewed until the job ends."""

import threading

from nestegg_core import StorageUnavailable
from nestegg_core.jobs.lease import renewed

SOON, PATIENCE = 0.01, 30


def test_it_is_renewed_again_and_again_while_the_block_runs() -> None:
    third, count = threading.Event(), iter(range(1000))

    def renew() -> bool:
        if next(count) == 2:
            third.set()
        return True

    with renewed(renew, SOON, "job"):
        assert third.wait(PATIENCE)


def test_a_database_that_is_away_for_a_moment_ends_nothing() -> None:
    again, outcomes = threading.Event(), iter([StorageUnavailable("away"), None])

    def renew() -> bool:
        if error := next(outcomes, None):
            raise error
        again.set()
        return True

    with renewed(renew, SOON, "job"):
        assert again.wait(PATIENCE)


def test_nothing_is_renewed_when_the_block_has_ended() -> None:
    before = threading.active_count()

    with renewed(lambda: True, SOON, "job"):
        pass

    assert threading.active_count() == before


def test_one_that_was_taken_over_is_let_go() -> None:
    calls = []

    def renew() -> bool:
        calls.append(threading.current_thread())
        return False

    with renewed(renew, SOON, "job"):
        while not calls:
            pass
        calls[0].join(PATIENCE)

    assert len(calls) == 1
