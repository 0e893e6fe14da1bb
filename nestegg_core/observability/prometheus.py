"""The built-in metrics exporter: Prometheus collectors in a registry of their own."""

from collections.abc import Mapping
from threading import Lock
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics import MetricWrapperBase

PREFIX = "nestegg_"

M = TypeVar("M", bound=MetricWrapperBase)


class PrometheusExporter:
    """Fulfils `nestegg_core.MetricsExporter`; a metric comes to be when it is first measured."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._metrics: dict[str, MetricWrapperBase] = {}
        self._lock = Lock()

    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        """Add to a counter."""
        self._metric(Counter, name, labels).inc(amount)

    def observe(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Record one value of a distribution."""
        self._metric(Histogram, name, labels).observe(value)

    def gauge(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Set the present value of something."""
        self._metric(Gauge, name, labels).set(value)

    def exposition(self) -> bytes:
        """Return everything measured, in Prometheus's text format."""
        return generate_latest(self.registry)

    def _metric(self, kind: type[M], name: str, labels: Mapping[str, str]) -> M:
        with self._lock:
            metric = self._metrics.get(name)
            if metric is None:
                documentation = name.replace("_", " ")
                metric = kind(PREFIX + name, documentation, sorted(labels), registry=self.registry)
                self._metrics[name] = metric
        if not isinstance(metric, kind):
            raise TypeError(f"the metric {name} is already a {type(metric).__name__}")
        return metric.labels(**labels) if labels else metric
