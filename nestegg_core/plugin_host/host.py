"""The plugins of one runtime: discovered, chosen from, reported."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import EntryPoint, distributions
from importlib.metadata import entry_points as installed_entry_points
from typing import Any

from nestegg_core.contracts.context import Clock, HookContext
from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.plugin_host.discovery import (
    IN_MEMORY,
    Crumbs,
    builtins,
    candidates,
    claims_of,
    clashes,
    core_version,
    split_builtins,
    split_by_claim,
    split_by_name,
)
from nestegg_core.plugin_host.kinds import KINDS
from nestegg_core.plugin_host.loading import doubts, load
from nestegg_core.plugin_host.records import (
    Catalogue,
    DisabledPlugin,
    LoadedPlugin,
    PluginFailure,
    PluginStatus,
    Registered,
    Scrub,
    Source,
    State,
    install,
    scrubbed,
)
from nestegg_core.plugin_host.selection import (
    Plugins,
    asks_for,
    configure,
    misspelt,
    select,
    wanted,
)
from nestegg_core.settings import Settings, judged_aside
from nestegg_core.settings import load as load_settings
from nestegg_core.settings.environment import Environment
from nestegg_core.settings.loading import fields_of


def warnings_of(plugin: LoadedPlugin, catalogue: Catalogue) -> Iterator[Problem]:
    source = plugin.source
    if source.is_builtin:
        return
    yield from (one for one in clashes(catalogue) if one.where == str(source))
    yield from _open_secrets(plugin)
    if source.distribution != IN_MEMORY:
        yield from doubts(source, plugin.requirements)
        yield from _doubled(source)


def _open_secrets(plugin: LoadedPlugin) -> Iterator[Problem]:
    classes = {getattr(entry.registration, "settings", None): None for entry in plugin.registered}
    for settings_class in filter(None, classes):
        for field in fields_of(settings_class):
            if field.undeclared:
                what = (
                    f"has a setting {field.variable} that is a secret by its name and no SecretStr"
                )
                yield Problem(str(plugin.source), what, "its authors declare it as a SecretStr")


def _doubled(source: Source) -> Iterator[Problem]:
    """An upgrade that broke off leaves two versions, of which only one is looked at."""
    found = sorted({one.version for one in distributions(name=source.distribution)})
    if len(found) > 1:
        what = f"is installed in the versions {' and '.join(found)}; which code runs is unknown"
        fix = install(source.distribution, "--force-reinstall")
        yield Problem(str(source), what, fix)


_CONFIGURED_UNNAMED = ("encryption_backend", "statement_importer", "error_reporter")
"""Kinds whose settings are loaded although the core's settings do not name them."""


def statuses(
    catalogue: Catalogue, settings: Settings | None, environment: Environment | None
) -> list[PluginStatus]:
    return sorted(
        _all(catalogue, settings, environment), key=lambda s: (s.name, s.distribution, s.version)
    )


def _all(
    catalogue: Catalogue, settings: Settings | None, environment: Environment | None
) -> Iterator[PluginStatus]:
    for plugin in catalogue.loaded:
        found = tuple(warnings_of(plugin, catalogue))
        yield replace(_of_loaded(plugin, settings, environment), warnings=found)
    for failure in catalogue.failures:
        yield _status(
            failure.source, "failed", failure.registrations, cause=failure.cause, fix=failure.fix
        )
    for disabled in catalogue.disabled:
        fix = f"take {disabled.source.name!r} out of PLUGINS_DISABLED to use it"
        yield _status(
            disabled.source,
            "disabled",
            disabled.registrations,
            cause="PLUGINS_DISABLED names it",
            fix=fix,
        )


def _of_loaded(
    plugin: LoadedPlugin, settings: Settings | None, environment: Environment | None
) -> PluginStatus:
    chosen: list[Registered] = []
    problems: list[Problem] = []
    for entry in plugin.registered:
        is_selected, wrong = _is_selected(entry, settings, environment) if settings else (False, ())
        problems += wrong
        chosen += [entry] if is_selected else []
    found = scrubbed(problems, environment.scrubbed) if environment else tuple(problems)
    state: State = "failed" if problems else "selected" if chosen else "available"
    return _status(
        plugin.source,
        state,
        ((entry.kind.name, entry.full_name) for entry in plugin.registered),
        hooks=plugin.hooks,
        cause="; ".join(f"{problem.where}: {problem.what}" for problem in found),
        fix="; ".join(dict.fromkeys(problem.fix for problem in found)),
    )


def _is_selected(
    entry: Registered, settings: Settings, environment: Environment | None
) -> tuple[bool, tuple[Problem, ...]]:
    """Tell whether the configuration chose it, and what is wrong with its own settings."""
    kind = entry.kind.name
    _, names = wanted(settings).get(kind, ("", ()))
    named = any(key in names for key in entry.kind.keys_of(entry.registration))
    if kind not in _CONFIGURED_UNNAMED and not named:
        return kind not in wanted(settings), ()
    if environment is None:
        return named or kind == "statement_importer", ()
    # A report must not make the secrets that development makes at its start.
    loaded, problems = configure(environment.preview, entry)
    if loaded is None or kind != "error_reporter":
        return named or kind == "statement_importer", problems
    return asks_for(entry, loaded)


def _status(
    source: Source,
    state: State,
    registrations: Iterable[tuple[str, str]],
    *,
    hooks: Iterable[str] = (),
    cause: str = "",
    fix: str = "",
) -> PluginStatus:
    made = tuple(registrations)
    return PluginStatus(
        name=source.name,
        kinds=tuple(sorted({kind for kind, _ in made})),
        distribution=source.distribution,
        version=source.version,
        hooks=tuple(hooks),
        registrations=made,
        state=state,
        cause=cause,
        fix=fix,
    )


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
        off = [
            DisabledPlugin(c.source, c.source.implied) for c in found if c.source.name in disabled
        ]
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
        unique, conflicting = split_by_claim(p for p in plugins if p.source.name not in disabled)
        absent = set(disabled) - {plugin.source.name for plugin in off}
        return cls(
            Catalogue(
                loaded=tuple(unique),
                failures=(*failures, *conflicting),
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

        Plugins are judged as if what is wrong were not set: all is then reported at once.
        """
        try:
            self.select(*judged_aside(environment, problems))
        except ConfigurationError as error:
            blamed = {problem.where.removesuffix("_FILE") for problem in problems}
            return (*problems, *(one for one in error.problems if one.where not in blamed))
        return tuple(problems)

    def registered(self) -> Sequence[Registered]:
        return [entry for kind in KINDS.values() for entry in self._catalogue.registered(kind.name)]

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
