"""A probe is answered in time, whatever a check does."""

import threading
import time
from typing import Any

import pytest

from nestegg_core.contracts.operations import HealthCheckRegistration
from nestegg_core.contracts.storage import Finding
from nestegg_core.plugin_host.proxies import BoundedCheck, Guard


def outcome(check: BoundedCheck, seconds: float = 10) -> str:
    check.begin()
    return check.outcome(time.monotonic() + seconds)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ([], "ok"),
        ((), "ok"),
        ([Finding("sealed", "unseal"), Finding("old", "renew")], "sealed; old"),
        (None, "failed"),
        ([None], "failed"),
        (True, "failed"),
    ],
)
def test_findings_are_told(guard: Guard, recorded: Any, answer: Any, told: str) -> None:
    check = BoundedCheck(guard, HealthCheckRegistration("vault", lambda: answer))
    assert outcome(check) == told
    assert len(recorded.faults) == (told == "failed")


def test_a_check_that_raises_tells_its_type_alone(guard: Guard) -> None:
    def fail() -> list[Finding]:
        raise ConnectionError("s3cr3t")

    assert outcome(BoundedCheck(guard, HealthCheckRegistration("vault", fail))) == (
        "failed: ConnectionError"
    )


def test_a_check_that_hangs_is_begun_once_and_is_well_again_by_itself(
    guard: Guard, recorded: Any
) -> None:
    let_go, begun = threading.Event(), []

    def hang() -> list[Finding]:
        begun.append(threading.current_thread())
        let_go.wait()
        return []

    check = BoundedCheck(guard, HealthCheckRegistration("vault", hang))
    assert [outcome(check, 0) for _ in range(3)] == ["timed out"] * 3
    assert len(begun) == 1
    assert begun[0].daemon, "it would keep the process alive"
    assert [call for call, _ in recorded.faults] == ["check"] * 3
    let_go.set()
    begun[0].join()
    assert outcome(check) == "ok"
