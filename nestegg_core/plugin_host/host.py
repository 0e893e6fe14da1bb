"""The plugins of one runtime: discovered, chosen from, reported."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from importlib.metadata import entry_points as installed_entry_points
from typing import Any

from nestegg_core.contracts.context import Clock, HookContext
from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.plugin_host.crumbs import Crumbs
from nestegg_core.plugin_host.discovery import (
    builtins,
    candidates,
    claims_of,
    core_version,
    split_builtins,
    split_by_claim,
    split_by_name,
)
from nestegg_core.plugin_host.kinds import KINDS
from nestegg_core.plugin_host.loading import load
from nestegg_core.plugin_host.records import (
    Catalogue,
    DisabledPlugin,
    LoadedPlugin,
    Offer,
    PluginFailure,
    PluginStatus,
    Scrub,
)
from nestegg_core.plugin_host.report import statuses
from nestegg_core.plugin_host.selection import Plugins, misspelt, select
from nestegg_core.settings import Settings, judged_aside
from nestegg_core.settings import load as load_settings
from nestegg_core.settings.environment import Environment

GROUP = "nestegg.plugins"
"""The entry-point group that plugin distributions declare."""


def _now() -> datetime:
    return datetime.now(UTC)


class PluginHost:
    """The plugins of one runtime. Nothing is global: make as many hosts as you like."""

    def __init__(self, catalogue: Catalogue, scrub: Scrub = str) -> None:
        self._catalogue = replace(
            catalogue, failures=tuple(one.scrubbed(scrub) for one in catalogue.failures)
        )

    @classmethod
    def discover(
        cls,
        *,
        disabled: Collection[str] = (),
        entry_points: Iterable[EntryPoint] | None = None,
        extra: Mapping[str, object] | None = None,
        environment: Environment | None = None,
        any_core: Collection[str] = (),
    ) -> "PluginHost":
        """Load the core's own plugins and every installed one. Never fails because of a plugin.

        Plugins in `disabled` are not even imported; those in `any_core` are loaded whatever core
        they name; `extra` adds modules or objects with hooks by name, for tests. What plugins say
        is scrubbed of the environment's secrets, and its data folder remembers whose import ended
        the process.
        """
        if entry_points is None:
            entry_points = installed_entry_points(group=GROUP)
        found = list(candidates(entry_points, extra or {}))
        off = [DisabledPlugin(c.source, c.source.told) for c in found if c.source.name in disabled]
        good, failures = split_by_name(c for c in found if c.source.name not in disabled)
        context = HookContext(core_version(), _settings_from(environment))
        crumbs = Crumbs(environment.home if environment else None)
        outcomes = [
            load(candidate, context, crumbs, any_core=candidate.source.name in any_core)
            for candidate in (builtins(), *good)
        ]
        failures += [o for o in outcomes if isinstance(o, PluginFailure)]
        plugins = [p for o in outcomes if isinstance(o, LoadedPlugin) for p in split_builtins(o)]
        off += [
            DisabledPlugin(p.source, claims_of(p)) for p in plugins if p.source.name in disabled
        ]
        unique, contested = split_by_claim(p for p in plugins if p.source.name not in disabled)
        absent = set(disabled) - {plugin.source.name for plugin in off}
        return cls(
            Catalogue(
                loaded=tuple(unique),
                failures=(*failures, *contested),
                disabled=tuple(off),
                absent=tuple(sorted(absent)),
            ),
            environment.scrubbed if environment else str,
        )

    def select(
        self, settings: Settings, environment: Environment, *, clock: Clock = _now
    ) -> Plugins:
        """Choose what the settings ask for; raise one ConfigurationError with every problem."""
        chosen = select(self._catalogue, settings, environment, clock)
        return replace(chosen, statuses=tuple(self.statuses(settings, environment)))

    def with_own(
        self, problems: Sequence[Problem], environment: Environment
    ) -> tuple[Problem, ...]:
        """Return what is wrong with the core's settings, and what plugins have wrong besides.

        Plugins are judged as if what is wrong were not set: all is then told at once.
        """
        try:
            self.select(*judged_aside(environment, problems))
        except ConfigurationError as error:
            blamed = {problem.where.removesuffix("_FILE") for problem in problems}
            return (*problems, *(one for one in error.problems if one.where not in blamed))
        return tuple(problems)

    def offers(self) -> Sequence[Offer]:
        return [offer for kind in KINDS.values() for offer in self._catalogue.offers(kind.name)]

    def statuses(
        self, settings: Settings | None, environment: Environment | None = None
    ) -> list[PluginStatus]:
        """Report every plugin, by name, the failed ones too. Never raises.

        Without settings nothing counts as selected; with an environment, a plugin in use whose
        settings are wrong is reported as failed.
        """
        return statuses(self._catalogue, settings, environment)

    def misspelt(self) -> Sequence[Problem]:
        return tuple(misspelt(self._catalogue))


def _settings_from(environment: Environment | None) -> Callable[[type[Any]], Any]:
    def load_settings(settings_class: type[Any]) -> Any:
        return (environment or Environment.read()).load(settings_class)

    return load_settings


def configured(environment: Environment, clock: Clock) -> tuple[Settings, Plugins]:
    """Read the settings and choose the plugins; raise the problems of both at once."""
    try:
        settings = load_settings(environment)
    except ConfigurationError as error:
        judged, _ = judged_aside(environment, error.problems)
        problems = _host(judged, environment).with_own(error.problems, environment)
        raise ConfigurationError(problems) from None
    return settings, _host(settings, environment).select(settings, environment, clock=clock)


def _host(settings: Settings, environment: Environment) -> PluginHost:
    return PluginHost.discover(
        disabled=settings.plugins_disabled,
        environment=environment,
        any_core=settings.plugins_for_any_core,
    )
