"""Calls a plugin, and turns what must not come out of it into a `PluginFault`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import ParamSpec, Protocol, TypeVar

from nestegg_core import foreign
from nestegg_core.errors import ConfigurationError, NestEggError, PluginFault
from nestegg_core.plugin_host import Source, fault

P = ParamSpec("P")
T = TypeVar("T")


class FaultLog(Protocol):
    """Where faults are logged and counted."""

    def record(self, source: Source, call: str, error: BaseException) -> None:
        """Take one fault; must not raise."""
        ...


@dataclass(frozen=True, slots=True)
class Guard:
    source: Source
    faults: FaultLog

    def call(
        self,
        name: str,
        allowed: tuple[type[NestEggError], ...],
        function: Callable[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call the plugin; raise PluginFault for any error that its contract does not allow."""
        try:
            return foreign.call(function, *args, **kwargs)
        except allowed:
            raise
        except foreign.NeverRan as error:
            raise self.fault(name, str(error), error) from error
        except Exception as error:
            cause = foreign.raised(error)
            raise self.fault(name, f"raised {type(cause).__name__}", cause) from cause

    def fault(self, name: str, what: str, cause: BaseException | None = None) -> PluginFault:
        """Record a fault and return its error; `what` must not show a handled value."""
        fault = PluginFault(self.source.name, name, what)
        fault.__cause__ = cause
        self.faults.record(self.source, name, fault)
        return fault

    def refused(self, what: str) -> ConfigurationError:
        return ConfigurationError([fault(self.source, what)])


CORE = "nestegg_core"


@dataclass(frozen=True, slots=True)
class FaultAttribution:
    """Finds the plugin that an unexpected error comes from, by its traceback.

    It costs nothing until something fails, so it serves where calls are many (storages) or cannot
    be seen (what a plugin's object does later).
    """

    guards: Mapping[str, Guard]

    def attribute(self, error: BaseException) -> PluginFault | None:
        """Return the recorded fault of the plugin whose code raised the error, if any.

        Of the frames that are the core's or a plugin's, the innermost decides; below it are
        libraries.
        """
        error = foreign.raised(error)
        for frame in reversed(list(_frames(error))):
            package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
            if package == CORE:
                return None
            if guard := self.guards.get(package):
                name = frame.f_code.co_name
                return guard.fault(name, f"raised {type(error).__name__}", error)
        return None


def _frames(error: BaseException) -> Iterator[FrameType]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next
