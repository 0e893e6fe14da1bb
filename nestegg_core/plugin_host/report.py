"""What is not in order with a plugin that can be used all the same."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.metadata import distributions

from nestegg_core.errors import Problem
from nestegg_core.plugin_host.advice import install
from nestegg_core.plugin_host.discovery import IN_MEMORY, clashes
from nestegg_core.plugin_host.loading import doubts
from nestegg_core.plugin_host.records import (
    Catalogue,
    LoadedPlugin,
    Offer,
    PluginStatus,
    Source,
    State,
    scrubbed,
)
from nestegg_core.plugin_host.selection import asks_for, configure, wanted
from nestegg_core.settings import Settings
from nestegg_core.settings.environment import Environment
from nestegg_core.settings.fields import fields_of


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
    classes = {getattr(offer.registration, "settings", None): None for offer in plugin.offers}
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
    chosen: list[Offer] = []
    problems: list[Problem] = []
    for offer in plugin.offers:
        in_force, wrong = _in_force(offer, settings, environment) if settings else (False, ())
        problems += wrong
        chosen += [offer] if in_force else []
    found = scrubbed(problems, environment.scrubbed) if environment else tuple(problems)
    state: State = "failed" if problems else "selected" if chosen else "available"
    return _status(
        plugin.source,
        state,
        ((offer.kind.name, offer.full_name) for offer in plugin.offers),
        hooks=plugin.hooks,
        cause="; ".join(f"{problem.where}: {problem.what}" for problem in found),
        fix="; ".join(dict.fromkeys(problem.fix for problem in found)),
    )


def _in_force(
    offer: Offer, settings: Settings, environment: Environment | None
) -> tuple[bool, tuple[Problem, ...]]:
    """Tell whether the configuration chose it, and what is wrong with its own settings."""
    kind = offer.kind.name
    _, names = wanted(settings).get(kind, ("", ()))
    named = any(key in names for key in offer.kind.keys_of(offer.registration))
    if kind not in _CONFIGURED_UNNAMED and not named:
        return kind not in wanted(settings), ()
    if environment is None:
        return named or kind == "statement_importer", ()
    # A report must not make the secrets that development makes at its start.
    loaded, problems = configure(environment.preview, offer)
    if loaded is None or kind != "error_reporter":
        return named or kind == "statement_importer", problems
    return asks_for(offer, loaded)


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
