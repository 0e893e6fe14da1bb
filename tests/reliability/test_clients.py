"""The clients of `make faults`, for a moment: whatever they do, others are answered in time."""

from benchmarks.faults import clients

SECONDS = 4.0


def test_a_probe_is_answered_within_a_second_whatever_clients_do() -> None:
    report = clients.silent(SECONDS, of_each=40)

    assert report.asked > 0
    assert (report.clean, report.failed) == (True, 0), report


def test_more_connections_than_a_server_keeps_stop_nobody() -> None:
    report = clients.idle(SECONDS)

    assert report.asked > 0
    assert (report.clean, report.failed) == (True, 0), report
