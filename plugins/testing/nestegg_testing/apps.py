"""Whole applications for tests, each with a data folder and a database of its own."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from falcon.testing import TestClient

from nestegg_core import settings as core_settings
from nestegg_core.api.app import create_app
from nestegg_core.application import Runtime, build
from nestegg_core.contracts.context import Clock
from nestegg_core.errors import ConfigurationError
from nestegg_core.plugin_host import PluginHost
from nestegg_core.settings import Environment
from nestegg_testing.household import Household, register


@dataclass(frozen=True, slots=True)
class RunningApp:
    """An application over a migrated database.

    Attributes:
        client: talks to it without a network.
        runtime: its services, for a look behind the API.
        home: its data folder.
    """

    client: TestClient
    runtime: Runtime
    home: Path

    def register(self, **values: Any) -> Household:
        """Register a new user, who is signed in then, with an organization of their own."""
        return register(self.client, **values)


class MakeApp:
    """Makes applications; the fixture `make_app` is one, and closes them when the test ends.

    Args:
        new_home: makes an empty folder.
        clock: what the applications take for the present moment.
    """

    def __init__(self, new_home: Callable[[], Path], clock: Clock) -> None:
        self._new_home = new_home
        self._clock = clock
        self._open = ExitStack()

    def __call__(
        self,
        plugins: Mapping[str, object] | Sequence[object] = (),
        settings: Mapping[str, str] | None = None,
        *,
        allow_faulty: bool = False,
    ) -> RunningApp:
        """Make an application with the core's own plugins and those that are given.

        What else is installed does not count, nor does the process's environment.

        Args:
            plugins: modules or objects with hooks, by the name of their entry point; or a list
                of modules, which go by their own names.
            settings: variables as an operator writes them, e.g. `{"LOG_LEVEL": "DEBUG"}`.
            allow_faulty: leave a plugin out that is faulty but not needed, as a server does.

        Raises:
            ConfigurationError: settings or plugins are not in order; with every problem.
        """
        home = self._new_home()
        variables = {"ENVIRONMENT": "test", "NESTEGG_HOME": str(home), **(settings or {})}
        environment = Environment.read(variables, dotenv=None)
        loaded = core_settings.load(environment)
        host = PluginHost.discover(
            disabled=loaded.plugins_disabled,
            entry_points=(),
            extra=_by_name(plugins),
            environment=environment,
            any_core=loaded.plugins_for_any_core,
        )
        chosen = host.select(loaded, environment, clock=self._clock)
        if chosen.skipped and not allow_faulty:
            raise ConfigurationError(chosen.skipped)
        runtime = build(loaded, chosen, self._clock)
        self._open.callback(runtime.storage.dispose)
        runtime.storage.upgrade()
        runtime.check_keys()
        return RunningApp(TestClient(create_app(runtime)), runtime, home)

    def close(self) -> None:
        """Close what the applications hold open."""
        self._open.close()


def _by_name(plugins: Mapping[str, object] | Sequence[object]) -> Mapping[str, object]:
    if isinstance(plugins, Mapping):
        return plugins
    return {str(getattr(one, "__name__", type(one).__name__)).lower(): one for one in plugins}
