"""A thread never waits for itself: not for a second write, not for what goes over the network."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from nestegg_core.application import Runtime
from support.household import Household


def test_a_write_inside_a_write_is_refused_at_once_and_by_name(
    household: Household, runtime: Runtime
) -> None:
    scopes = (
        runtime.storage.system_transaction,
        lambda write: runtime.storage.transaction(UUID(household.org_id), write=write),
    )
    for outer in scopes:
        for inner in scopes:
            began = time.monotonic()
            with (
                pytest.raises(RuntimeError, match="write transaction open already"),
                outer(write=True),
                inner(write=True),
            ):
                pass
            assert time.monotonic() - began < 2


def test_a_read_inside_a_write_and_a_write_in_another_thread_are_none_of_it(
    household: Household, runtime: Runtime
) -> None:
    storage = runtime.storage

    def write() -> bool:
        with storage.system_transaction(write=True):
            return True

    with ThreadPoolExecutor(1) as pool:
        with storage.system_transaction(write=True):
            with storage.transaction(UUID(household.org_id), write=False):
                pass
            other = pool.submit(write)
        assert other.result(timeout=8)


def test_a_thread_whose_write_failed_writes_again(runtime: Runtime) -> None:
    with pytest.raises(ZeroDivisionError), runtime.storage.system_transaction(write=True):
        raise ZeroDivisionError
    with runtime.storage.system_transaction(write=True):
        pass


@pytest.mark.parametrize("write", [True, False])
def test_no_rate_limit_is_asked_for_while_a_transaction_is_open(
    runtime: Runtime, write: bool
) -> None:
    with (
        pytest.raises(RuntimeError, match="A rate limit"),
        runtime.storage.system_transaction(write=write),
    ):
        runtime.rate_limits.hit("reset links from an address", "nobody")
