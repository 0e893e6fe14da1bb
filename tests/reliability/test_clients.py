"""The clients of `make faults`, for a moment: whatever they do, others are answered in time."""

import pytest

from benchmarks.faults import clients, proxies

pytestmark = pytest.mark.long

SECONDS = 4.0


def test_a_probe_is_answered_within_a_second_whatever_clients_do() -> None:
    report = clients.silent(SECONDS, of_each=40)

    assert report.asked > 0
    assert (report.clean, report.failed) == (True, 0), report


def test_more_connections_than_a_server_keeps_stop_nobody() -> None:
    report = clients.idle(SECONDS)

    assert report.asked > 0
    assert (report.clean, report.failed) == (True, 0), report


@pytest.mark.parametrize("proxy", proxies.KINDS)
def test_a_probe_is_answered_behind_the_guides_proxies(proxy: str) -> None:
    if why := proxies.missing(proxy):
        pytest.skip(why)
    report = clients.silent(SECONDS, of_each=10, proxy=proxy)

    assert report.asked > 0
    assert (report.clean, report.failed) == (True, 0), report
