"""Metrics exporters: numbers about the running server, for whoever watches it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from nestegg_core.contracts.context import PluginContext


class MetricsExporter(Protocol):
    """Takes measurements. Its calls are on the request's path: they must be quick and not raise.

    They come from many threads at once. Label values come from small fixed sets (a route's
    template, never a request's path), and may be any text. A name keeps its kind and the names
    of its labels: to use it otherwise is a mistake of the caller, and may raise a TypeError or
    ValueError that says so.

    Example:
        >>> class Printed:
        ...     def count(self, name, labels, amount=1):
        ...         print(name, dict(labels), "+", amount)
        ...
        ...     def observe(self, name, labels, value):
        ...         print(name, dict(labels), value)
        ...
        ...     gauge = observe
        >>> exporter: MetricsExporter = Printed()
        >>> exporter.count("http_requests", {"method": "GET"})
        http_requests {'method': 'GET'} + 1
    """

    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        """Add to a counter, e.g. `http_requests`.

        Args:
            name: lower-case letters and `_`.
            labels: names with values; may be empty.
            amount: how many; never negative.
        """
        ...

    def observe(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Record one value of a distribution, e.g. `http_request_seconds`.

        Args:
            name: lower-case letters and `_`; ends with the unit.
            labels: names with values; may be empty.
            value: in base units: seconds, bytes.
        """
        ...

    def gauge(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Set the present value of something, e.g. `queue_jobs`.

        Args:
            name: lower-case letters and `_`.
            labels: names with values; may be empty.
            value: the value from now on, in base units.
        """
        ...


@runtime_checkable
class ScrapedExporter(MetricsExporter, Protocol):
    """A `MetricsExporter` that is asked for what it holds, instead of sending it somewhere.

    The core serves its exposition on the metrics' own port (`METRICS_PORT`), behind the password.
    It asks in a process of its own, forked before anything was measured: the exporter brings
    together what all processes measured. `PROMETHEUS_MULTIPROC_DIR` names an empty folder that
    they share; it is set before plugins are imported, and removed at the end.

    Example:
        >>> class Remembered:
        ...     def __init__(self):
        ...         self.held = {}
        ...
        ...     def count(self, name, labels, amount=1):
        ...         self.held[name] = self.held.get(name, 0) + amount
        ...
        ...     observe = gauge = count
        ...
        ...     def exposition(self):
        ...         return "".join(f"{name} {held}\\n" for name, held in self.held.items()).encode()
        >>> exporter = Remembered()
        >>> exporter.count("acme_requests_total", {})
        >>> exporter.exposition()
        b'acme_requests_total 1\\n'
        >>> isinstance(exporter, ScrapedExporter)
        True
    """

    def exposition(self) -> bytes:
        """Return everything that was measured, in Prometheus's text format, version 0.0.4.

        The expositions of several exporters are put one after the other, so their names must
        differ: `nestegg_` belongs to the core's own.
        """
        ...


@dataclass(frozen=True, slots=True)
class MetricsExporterRegistration:
    """A metrics exporter on offer, chosen by its name in `METRICS_EXPORTERS`.

    Attributes:
        name: what operators write, e.g. `statsd`.
        settings: settings class, loaded only when the exporter is chosen.
        factory: makes the exporter; must not touch the network.

    Example:
        >>> from pydantic_settings import BaseSettings
        >>> class StatsdSettings(BaseSettings):
        ...     statsd_host: str = "127.0.0.1"
        >>> MetricsExporterRegistration("statsd", StatsdSettings, lambda context: ...).name
        'statsd'
    """

    name: str
    settings: type["BaseSettings"]
    factory: Callable[["PluginContext[Any]"], MetricsExporter]
