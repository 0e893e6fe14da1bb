"""Metrics exporters: numbers about the running server, for whoever watches it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from nestegg_core.contracts.context import PluginContext


class MetricsExporter(Protocol):
    """Takes measurements. Its calls are on the request's path: they must be quick and not raise.

    Label values must come from small fixed sets (a route's template, never a request's path).
    """

    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        """Add to a counter, e.g. `http_requests`."""
        ...

    def observe(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Record one value of a distribution, e.g. `http_request_seconds`, in base units."""
        ...

    def gauge(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Set the present value of something, e.g. `queue_jobs`."""
        ...


@dataclass(frozen=True, slots=True)
class MetricsExporterRegistration:
    """A metrics exporter on offer, chosen by its name in `METRICS_EXPORTERS`."""

    name: str
    settings: type["BaseSettings"]
    factory: Callable[["PluginContext[Any]"], MetricsExporter]
