"""Faults are logged, counted and reported, and do not spread."""

from collections.abc import Callable
from typing import Any

import pytest
import structlog

from nestegg_core.errors import PluginFault
from nestegg_core.observability.plugin_faults import Metrics, PluginFaults
from nestegg_core.plugin_host import Source

ACME = Source("acme", "acme-nestegg", "1.2")
OTHER = Source("other", "other-nestegg", "2.0")


class Exporter:
    def __init__(self) -> None:
        self.taken: list[tuple[Any, ...]] = []

    def count(self, name: str, labels: Any, amount: float = 1) -> None:
        self.taken.append((name, dict(labels), amount))

    observe = gauge = count


class Broken(Exporter):
    def count(self, name: str, labels: Any, amount: float = 1) -> None:
        raise SystemExit(f"{name} {labels} {amount}")

    observe = gauge = count


class Reporter:
    def __init__(self) -> None:
        self.taken: list[tuple[BaseException, Any]] = []

    def report(self, error: BaseException, facts: Any) -> None:
        self.taken.append((error, facts))


class BrokenReporter:
    def report(self, error: BaseException, facts: Any) -> None:
        raise ValueError(error, facts)


MEASURES: list[Callable[[Metrics], None]] = [
    lambda metrics: metrics.count("jobs", {"job": "x"}, 2),
    lambda metrics: metrics.observe("jobs", {"job": "x"}, 2),
    lambda metrics: metrics.gauge("jobs", {"job": "x"}, 2),
]


@pytest.mark.parametrize("measure", MEASURES)
def test_an_exporter_that_raises_does_no_harm_and_is_counted_by_the_others(
    measure: Callable[[Metrics], None],
) -> None:
    good = Exporter()
    with structlog.testing.capture_logs() as logs:
        measure(Metrics([(ACME, Broken()), (OTHER, good)]))

    assert good.taken[-1] == ("jobs", {"job": "x"}, 2)
    assert [name for name, *_ in good.taken] == ["plugin_faults", "jobs"]
    [line] = logs
    assert (line["plugin"], line["distribution"]) == ("acme", "acme-nestegg 1.2")


def test_exporters_that_all_raise_do_no_harm() -> None:
    with structlog.testing.capture_logs() as logs:
        Metrics([(ACME, Broken()), (OTHER, Broken())]).count("jobs", {})
    assert [line["plugin"] for line in logs] == ["acme", "other"]


def test_a_fault_is_logged_counted_and_reported_once() -> None:
    exporter, reporter = Exporter(), Reporter()
    faults = PluginFaults(Metrics([(OTHER, exporter)]), [(OTHER, reporter)])
    fault = PluginFault("acme", "read", "raised ValueError")
    fault.__cause__ = ValueError("DE89 3704")
    with structlog.testing.capture_logs() as logs:
        faults.record(ACME, "read", fault)

    labels = {"plugin": "acme", "call": "read"}
    assert exporter.taken == [("plugin_faults", labels, 1)]
    assert reporter.taken == [(fault, labels)]
    [line] = logs
    assert "plugin 'acme': read raised ValueError" in line["exception"]
    assert "DE89" not in repr(logs)


def test_a_reporter_that_raises_does_no_harm_and_is_not_told_of_itself() -> None:
    exporter, reporter = Exporter(), Reporter()
    faults = PluginFaults(
        Metrics([(OTHER, exporter)]), [(ACME, BrokenReporter()), (OTHER, reporter)]
    )
    error = KeyError()
    with structlog.testing.capture_logs() as logs:
        faults.report(error, {"route": "/me"})

    assert reporter.taken == [(error, {"route": "/me"})]
    assert exporter.taken == [("plugin_faults", {"plugin": "acme", "call": "report"}, 1)]
    assert len(logs) == 1
