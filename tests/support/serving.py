"""Other servers than the shared one: other settings, another clock, further plugins."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from nestegg_core.api.app import create_app, operations
from nestegg_core.application import Runtime, build, utc_now
from nestegg_core.contracts.context import Clock
from nestegg_core.plugin_host import PluginHost
from nestegg_core.settings import Environment, load
from support.conformance import ConformingClient


@dataclass
class Serve:
    """Starts servers with changed variables over one database.

    Attributes:
        variables: what each server is started with.
        started: every server so far.
    """

    variables: Mapping[str, str]
    started: list[Runtime] = field(default_factory=list)

    def runtime(
        self, *, clock: Clock = utc_now, plugins: Mapping[str, object] | None = None, **changed: str
    ) -> Runtime:
        """Build a runtime; `plugins` are further ones by name."""
        environment = Environment.read({**self.variables, **changed}, dotenv=None)
        settings = load(environment)
        host = PluginHost.discover(extra=plugins, disabled=settings.plugins_disabled)
        made = build(settings, host.select(settings, environment, clock=clock), clock)
        self.started.append(made)
        return made

    def __call__(self, **arguments: Any) -> ConformingClient:
        """Build a runtime and return what talks to its application."""
        made = self.runtime(**arguments)
        return ConformingClient(create_app(made), operations(made))


@contextmanager
def serving(variables: Mapping[str, str]) -> Iterator[Serve]:
    """Give a `Serve`, and close every connection of its servers in the end."""
    serve = Serve(variables)
    yield serve
    for made in serve.started:
        made.storage.dispose()
