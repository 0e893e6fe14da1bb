"""The built-in metrics exporter: Prometheus collectors, added up over all processes.

`prometheus_client` decides when it is first imported whether processes share their values: where
`PROMETHEUS_MULTIPROC_DIR` is set by then, each process keeps them in files of that folder, and
whoever is asked for the exposition adds them up. `nestegg serve` and `nestegg worker` set it.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client import values as client_values
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from nestegg_core.observability.metrics import MEASURES, UNKNOWN

PREFIX = "nestegg_"
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

M = TypeVar("M", bound=MetricWrapperBase)


class PrometheusExporter:
    """Fulfils `nestegg_core.ScrapedExporter`; a metric comes to be when it is first measured."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._metrics: dict[str, MetricWrapperBase] = {}
        self._ready: dict[tuple[Any, ...], Any] = {}
        self._lock = Lock()

    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        self._measured(Counter, name, labels).inc(amount)

    def observe(self, name: str, labels: Mapping[str, str], value: float) -> None:
        self._measured(Histogram, name, labels).observe(value)

    def gauge(self, name: str, labels: Mapping[str, str], value: float) -> None:
        self._measured(Gauge, name, labels).set(value)

    def exposition(self) -> bytes:
        """In text format 0.0.4; what was not measured yet is there with its HELP and TYPE."""
        asked = CollectorRegistry()
        if shared():
            _forget_the_dead(Path(os.environ[FOLDER]))
            measured: Iterable[Metric] = list(_of_all_processes())
        else:
            measured = list(self.registry.collect())
        asked.register(_Complete(measured))
        return generate_latest(asked)

    def _measured(self, kind: type[M], name: str, labels: Mapping[str, str]) -> M:
        """Return what takes the value: kept, as finding it costs more than measuring."""
        key = (kind, name, *labels.items())
        ready: M | None = self._ready.get(key)
        if ready is None:
            ready = self._ready[key] = self._made(kind, name, labels)
        return ready

    def _made(self, kind: type[M], name: str, labels: Mapping[str, str]) -> M:
        with self._lock:
            metric = self._metrics.get(name)
            if metric is None:
                metric = self._metrics[name] = self._new(kind, name, labels)
        if not isinstance(metric, kind):
            raise TypeError(f"the metric {name} is already a {type(metric).__name__}")
        return metric.labels(**labels) if labels else metric

    def _new(self, kind: type[M], name: str, labels: Mapping[str, str]) -> M:
        measure = MEASURES.get(name, UNKNOWN)
        particular: dict[str, Any] = {}
        if kind is Histogram:
            particular["buckets"] = measure.buckets
        elif kind is Gauge:
            particular["multiprocess_mode"] = measure.together
        return kind(
            PREFIX + name, measure.help, sorted(labels), registry=self.registry, **particular
        )


def _of_all_processes() -> Iterable[Metric]:
    collector: Any = MultiProcessCollector  # the library gives it no types
    # A file that a process has made this moment is empty, and the library cannot read that.
    files = [str(one) for one in Path(os.environ[FOLDER]).glob("*.db") if one.stat().st_size]
    families: Iterable[Metric] = collector.merge(files, accumulate=True)
    return families


class _Complete(Collector):
    """Adds the families of the core that nothing has been measured of yet."""

    def __init__(self, measured: Iterable[Metric]) -> None:
        self._measured = measured

    def collect(self) -> Iterator[Metric]:
        there = set()
        for family in self._measured:
            there.add(family.name)
            yield _without_creation(family)
        for name, measure in MEASURES.items():
            if PREFIX + name not in there:
                yield Metric(PREFIX + name, measure.help, measure.kind)


def _without_creation(family: Metric) -> Metric:
    """Leave out the moments of creation: in text they would pass for gauges of their own."""
    family.samples = [one for one in family.samples if not one.name.endswith("_created")]
    return family


def shared() -> bool:
    return bool(getattr(client_values.ValueClass, "_multiprocess", False))


def _forget_the_dead(folder: Path) -> None:
    """Take the gauges of processes that have ended out of the sums, however they ended.

    Their counters stay: what was counted has happened.
    """
    for number in {path.stem.rpartition("_")[2] for path in folder.glob("gauge_live*.db")}:
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            mark_process_dead(int(number), str(folder))  # type: ignore[no-untyped-call]  # likewise
