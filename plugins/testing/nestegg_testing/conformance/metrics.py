"""What holds of every metrics exporter."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import ClassVar

import pytest

from nestegg_core.contracts.metrics import MetricsExporter
from nestegg_testing.conformance.base import Conformance

_ROUTE = {"route": "/api/v1/me", "method": "GET"}
_WEIRD = [
    pytest.param("", id="empty"),
    pytest.param('quote " backslash \\', id="quotes"),
    pytest.param("two\nlines", id="two lines"),
    pytest.param("ääkköset €", id="not ASCII"),
    pytest.param("a=b,c:d|e{f}", id="marks of formats"),
    pytest.param("x" * 5000, id="long"),
]
_CALLS, _THREADS, _SECONDS = 1000, 8, 1


class MetricsExporterConformance(Conformance):
    """Measures with a `MetricsExporter` as the server does.

    The fixture `subject` returns the exporter.

    Attributes:
        readable: whether `read` is there.

    Example:
        ```python
        class TestStatsd(MetricsExporterConformance):
            @pytest.fixture
            def subject(self):
                return Statsd("127.0.0.1", 8125)
        ```
    """

    kind = "MetricsExporter"
    section = "metrics-exporter"

    readable: ClassVar[bool] = False

    def read(self, subject: MetricsExporter, name: str, labels: Mapping[str, str]) -> float:
        """Return what a counter or a gauge stands at; override it where the exporter can tell."""
        raise NotImplementedError

    def test_every_kind_of_measurement_is_taken(self, subject: MetricsExporter) -> None:
        """Counters, distributions and gauges are taken with and without labels, and never raise."""
        for labels in (_ROUTE, {}):
            suffix = "_of_routes" if labels else ""
            subject.count(f"kit_requests{suffix}", labels)
            subject.count(f"kit_requests{suffix}", labels, 2.5)
            for value in (0, 0.0001, 3, 1e12):
                subject.observe(f"kit_seconds{suffix}", labels, value)
                subject.gauge(f"kit_jobs{suffix}", labels, value)
            subject.gauge(f"kit_jobs{suffix}", labels, -1)

    @pytest.mark.parametrize("value", _WEIRD)
    def test_any_text_may_be_a_label(self, value: str, subject: MetricsExporter) -> None:
        """Any text may be a label's value."""
        labels = {"route": value, "method": "GET"}
        subject.count("kit_requests", labels)
        subject.observe("kit_seconds", labels, 0.1)
        subject.gauge("kit_jobs", labels, 1)

    @pytest.mark.parametrize("again", ["another kind", "other labels"])
    def test_a_name_that_is_used_otherwise_is_refused_clearly(
        self, again: str, subject: MetricsExporter
    ) -> None:
        """A name that comes back as another kind or with other labels is a mistake of the caller:
        it is let pass, or raises a TypeError or ValueError that says so, and the name works on.
        """
        subject.count("kit_requests", _ROUTE)
        told = "let pass"
        try:
            if again == "another kind":
                subject.gauge("kit_requests", _ROUTE, 1)
            else:
                subject.count("kit_requests", {"colour": "red"})
        except (TypeError, ValueError) as error:
            told = str(error)
        assert told, "the error says nothing"
        subject.count("kit_requests", _ROUTE)

    def test_what_is_counted_can_be_read(self, subject: MetricsExporter) -> None:
        """A counter adds up for each set of labels, and a gauge holds its last value."""
        self._need_reading()
        for amount in (1, 2.5):
            subject.count("kit_requests", _ROUTE, amount)
        subject.count("kit_requests", {**_ROUTE, "method": "POST"})
        for value in (7, 3):
            subject.gauge("kit_jobs", {"queue": "default"}, value)
        assert self.read(subject, "kit_requests", _ROUTE) == 3.5
        assert self.read(subject, "kit_requests", {**_ROUTE, "method": "POST"}) == 1
        assert self.read(subject, "kit_jobs", {"queue": "default"}) == 3

    def test_threads_measure_at_once(self, subject: MetricsExporter) -> None:
        """Many threads may measure at once, from the first call on, and nothing is lost."""

        def measure(_: int) -> None:
            subject.count("kit_requests", _ROUTE)
            subject.observe("kit_seconds", _ROUTE, 0.1)
            subject.gauge("kit_jobs", _ROUTE, 1)

        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(measure, range(_CALLS)))
        if self.readable:
            assert self.read(subject, "kit_requests", _ROUTE) == _CALLS

    @pytest.mark.parametrize("kind", ["count", "observe", "gauge"])
    def test_measuring_is_quick(self, kind: str, subject: MetricsExporter) -> None:
        """A measurement takes far less than a request: a thousand of them less than a second."""
        measure: Callable[..., None] = getattr(subject, kind)
        began = perf_counter()
        for _ in range(_CALLS):
            measure(f"kit_{kind}", _ROUTE, 1)
        assert perf_counter() - began < _SECONDS

    def _need_reading(self) -> None:
        if not self.readable:
            pytest.skip("the exporter does not tell what it holds")
