"""Faults of plugins: each is logged with the plugin's name, counted, and reported."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from nestegg_core import foreign
from nestegg_core.contracts.error_reporters import ErrorReporter
from nestegg_core.contracts.metrics import MetricsExporter, ScrapedExporter
from nestegg_core.observability.logs import traceback_of

FAULTS = "plugin_faults"
"""The counter, with the labels `plugin` and `call`."""

_log = structlog.get_logger("nestegg.plugins")


class Plugin(Protocol):
    """Where a plugin comes from."""

    @property
    def name(self) -> str: ...

    @property
    def distribution(self) -> str: ...

    @property
    def version(self) -> str: ...


class Metrics:
    """Hands every measurement to every selected exporter; one that raises harms neither caller nor
    others.
    """

    def __init__(self, exporters: Sequence[tuple[Plugin, MetricsExporter]]) -> None:
        self._exporters = tuple(exporters)

    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        for plugin, exporter in self._exporters:
            try:
                foreign.call(exporter.count, name, labels, amount)
            except Exception as error:
                self._failed(plugin, "count", error)

    def observe(self, name: str, labels: Mapping[str, str], value: float) -> None:
        for plugin, exporter in self._exporters:
            try:
                foreign.call(exporter.observe, name, labels, value)
            except Exception as error:
                self._failed(plugin, "observe", error)

    def gauge(self, name: str, labels: Mapping[str, str], value: float) -> None:
        for plugin, exporter in self._exporters:
            try:
                foreign.call(exporter.gauge, name, labels, value)
            except Exception as error:
                self._failed(plugin, "gauge", error)

    @property
    def is_scraped(self) -> bool:
        return any(isinstance(exporter, ScrapedExporter) for _, exporter in self._exporters)

    def exposition(self) -> bytes:
        """Return what every exporter that is asked exposes, one after the other.

        Raises whatever an exporter raises: half of the figures would pass for all of them.
        """
        scraped = (one for _, one in self._exporters if isinstance(one, ScrapedExporter))
        return b"".join(foreign.call(exporter.exposition) for exporter in scraped)

    def _failed(self, failed: Plugin, call: str, error: BaseException) -> None:
        """Log it, and count it at the exporters that work: one that fails again says no more."""
        _log_fault(failed, call, error)
        others = [exporter for plugin, exporter in self._exporters if plugin is not failed]
        for exporter in others:
            with suppress(Exception):
                foreign.call(exporter.count, FAULTS, _labels(failed, call))


class PluginFaults:
    def __init__(
        self, metrics: Metrics, reporters: Sequence[tuple[Plugin, ErrorReporter]] = ()
    ) -> None:
        self._metrics = metrics
        self._reporters = tuple(reporters)

    def record(self, source: Plugin, call: str, error: BaseException) -> None:
        """Never raises."""
        self._note(source, call, error)
        self.report(error, {"plugin": source.name, "call": call})

    def report(self, error: BaseException, facts: Mapping[str, str]) -> None:
        """Tell the error reporters of an unexpected error; one that raises is noted itself."""
        for plugin, reporter in self._reporters:
            try:
                foreign.call(reporter.report, error, facts)
            except Exception as failure:
                self._note(plugin, "report", failure)

    def _note(self, source: Plugin, call: str, error: BaseException) -> None:
        _log_fault(source, call, error)
        self._metrics.count(FAULTS, _labels(source, call))


def _labels(plugin: Plugin, call: str) -> dict[str, str]:
    return {"plugin": plugin.name, "call": call}


def _log_fault(plugin: Plugin, call: str, error: BaseException) -> None:
    _log.error(
        "plugin fault",
        plugin=plugin.name,
        distribution=f"{plugin.distribution} {plugin.version}",
        call=call,
        exception=traceback_of(foreign.raised(error)),
    )
