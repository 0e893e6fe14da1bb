"""From what is registered, what the settings ask for: named, configured and ready to be made."""

import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from pydantic_settings import BaseSettings

from nestegg_core import foreign
from nestegg_core.contracts.context import Clock, PluginContext
from nestegg_core.contracts.encryption import EncryptionBackend, EncryptionBackendRegistration
from nestegg_core.contracts.error_reporters import ErrorReporter, ErrorReporterRegistration
from nestegg_core.contracts.identity import IdentityProvider, IdentityProviderRegistration
from nestegg_core.contracts.importers import StatementImporter, StatementImporterRegistration
from nestegg_core.contracts.metrics import MetricsExporter, MetricsExporterRegistration
from nestegg_core.contracts.operations import (
    CommandRegistration,
    HealthCheckRegistration,
    JobRegistration,
)
from nestegg_core.contracts.retention import RetentionPolicy, RetentionPolicyRegistration
from nestegg_core.contracts.routes import Route
from nestegg_core.contracts.storage import Storage, StorageRegistration
from nestegg_core.errors import ConfigurationError, NestEggError, Problem
from nestegg_core.plugin_host.discovery import clashes
from nestegg_core.plugin_host.kinds import KINDS, Kind, methods_of
from nestegg_core.plugin_host.records import (
    BUILTIN,
    FIRST_PARTY,
    Catalogue,
    PluginFailure,
    PluginStatus,
    Registered,
    Scrub,
    Source,
    describe,
    fault,
    install,
    scrubbed,
)
from nestegg_core.settings import Settings
from nestegg_core.settings.environment import Environment

KIND = {kind.name: kind for kind in KINDS.values()}


def missing(catalogue: Catalogue, kind_name: str, variable: str, name: str) -> Problem | None:
    """Say why a name has no plugin; `None` where the plugin's failure already refuses the start."""
    kind = KIND[kind_name]
    named = f"names the {kind.label} {name!r}"
    if failure := _failed(catalogue, kind, name):
        if failure.refuses_start:
            return None
        what = f"{named}, but {failure.source} failed: {failure.cause}"
        return Problem(variable, what, failure.fix)
    if source := _disabled(catalogue, kind, name):
        what = f"{named}, but PLUGINS_DISABLED switches {source} off"
        fix = f"take {source.name!r} out of PLUGINS_DISABLED, or {name!r} out of {variable}"
        return Problem(variable, what, fix)
    if distribution := _not_installed(kind, name):
        what = f"{named}, which is not installed"
        return Problem(variable, what, install(distribution))
    return Problem(variable, f"{named}, which does not exist", _nearest(catalogue, kind, name))


def misspelt(catalogue: Catalogue) -> Iterator[Problem]:
    sources = [plugin.source for plugin in catalogue.loaded]
    sources += [failure.source for failure in catalogue.failures]
    sources += [plugin.source for plugin in catalogue.disabled]
    known = sorted({source.name for source in sources} - {f"{BUILTIN}core"})
    for name in catalogue.absent:
        near = difflib.get_close_matches(name.lower(), known, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        fix = f"{meant}Names are in lower case; there are {', '.join(known)}"
        yield Problem("PLUGINS_DISABLED", f"names {name!r}, which no plugin is called", fix)


def _failed(catalogue: Catalogue, kind: Kind, name: str) -> PluginFailure | None:
    wanted = (kind.name, name)
    return next((f for f in catalogue.failures if wanted in f.registrations), None)


def _disabled(catalogue: Catalogue, kind: Kind, name: str) -> Source | None:
    wanted = (kind.name, name)
    return next((p.source for p in catalogue.disabled if wanted in p.registrations), None)


def _not_installed(kind: Kind, name: str) -> str | None:
    plugin = next((plugin for plugin in FIRST_PARTY if kind.implied_name(plugin) == name), None)
    return plugin and f"nestegg-{plugin.replace('_', '-')}"


def _nearest(catalogue: Catalogue, kind: Kind, name: str) -> str:
    """Name all that can be chosen, the nearest first; a plugin out of use may be the one."""
    names = {key for o in catalogue.registered(kind.name) for key in kind.keys_of(o.registration)}
    implied = {kind.implied_name(plugin) for plugin in FIRST_PARTY} - {None}
    known = sorted(names.union(filter(None, implied)))
    failed = {n for f in catalogue.failures for of, n in f.registrations if of == kind.name}
    near = difflib.get_close_matches(name.lower(), {*known, *failed}, n=1)
    meant = f"did you mean {near[0]!r}? Else " if near else ""
    advice = f"{meant}write one of {', '.join(map(repr, known)) or '(none is installed)'}"
    unused = [f"{f.source} failed: {f.cause}" for f in catalogue.failures]
    unused += [f"{plugin.source} is disabled" for plugin in catalogue.disabled]
    return f"{advice}. Not in use: {'; '.join(unused)}" if unused else advice


Made = (
    IdentityProviderRegistration
    | EncryptionBackendRegistration
    | RetentionPolicyRegistration
    | MetricsExporterRegistration
    | StorageRegistration
    | StatementImporterRegistration
    | ErrorReporterRegistration
)
R = TypeVar("R", bound=Made)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Selected(Generic[R, T]):
    """A selected registration with its settings; `scrub` takes secrets out of what it raises."""

    source: Source
    registration: R
    context: PluginContext[Any]
    scrub: Scrub = field(default=str, compare=False, repr=False)

    @property
    def name(self) -> str:
        return self.registration.name

    @property
    def settings(self) -> BaseSettings:
        return cast(BaseSettings, self.context.settings)

    def make(self) -> T:
        """Call the factory; raise ConfigurationError for whatever is not Nest Egg's own error."""
        try:
            made = foreign.call(self.registration.factory, self.context)
        except ConfigurationError as error:
            shown = scrubbed(error.problems, self.scrub)
            if shown != error.problems:
                raise ConfigurationError(shown) from None
            raise
        except NestEggError:
            raise
        except Exception as error:
            what = self.scrub(f"the factory of {self.name!r} raised {describe(error)}")
            raise ConfigurationError([fault(self.source, what)]) from error
        self._refuse_what_never_runs(made)
        return cast(T, made)

    def _refuse_what_never_runs(self, made: object) -> None:
        for name in methods_of(self.registration):
            if foreign.never_runs(inspect.getattr_static(made, name, None)):
                what = f"`{name}` of {self.name!r} would never run: write {foreign.PLAIN}"
                raise ConfigurationError([fault(self.source, what)])


@dataclass(frozen=True, slots=True)
class Plugins:
    """What the configuration chose, by name; the chain of identity providers has its own order.

    Every usable encryption backend is there, for each stored value is opened by the one that its
    token names. `skipped` is what is wrong but not needed: for the log.
    """

    identity_providers: tuple[Selected[IdentityProviderRegistration, IdentityProvider], ...]
    encryption_backends: Mapping[str, Selected[EncryptionBackendRegistration, EncryptionBackend]]
    retention_policies: tuple[Selected[RetentionPolicyRegistration, RetentionPolicy], ...]
    metrics_exporters: tuple[Selected[MetricsExporterRegistration, MetricsExporter], ...]
    storage: Selected[StorageRegistration, Storage]
    statement_importers: tuple[Selected[StatementImporterRegistration, StatementImporter], ...]
    error_reporters: tuple[Selected[ErrorReporterRegistration, ErrorReporter], ...]
    health_checks: tuple[tuple[Source, HealthCheckRegistration], ...]
    jobs: tuple[tuple[Source, JobRegistration], ...]
    commands: tuple[CommandRegistration, ...]
    routes: tuple[tuple[Source, Route], ...]
    sources: tuple[Source, ...]
    skipped: tuple[Problem, ...]
    statuses: tuple[PluginStatus, ...] = ()


def select(
    catalogue: Catalogue, settings: Settings, environment: Environment, clock: Clock
) -> Plugins:
    chooser = _Chooser(catalogue, settings, environment, clock)
    chooser.refuse_conflicting()
    chain = chooser.named("identity_provider")
    policies = chooser.named("retention_policy")
    exporters = chooser.named("metrics_exporter")
    storages = chooser.named("storage")
    backends = (*chooser.named("encryption_backend"), *chooser.others("encryption_backend"))
    importers = chooser.others("statement_importer")
    reporters = chooser.error_reporters()
    skipped = scrubbed(tuple(chooser.skipped()), environment.scrubbed)
    if chooser.problems:
        raise ConfigurationError(scrubbed(chooser.problems, environment.scrubbed))
    return Plugins(
        identity_providers=chain,
        encryption_backends={chosen.name: chosen for chosen in sorted(backends, key=_name)},
        retention_policies=tuple(sorted(policies, key=_name)),
        metrics_exporters=tuple(sorted(exporters, key=_name)),
        storage=storages[0],
        statement_importers=importers,
        error_reporters=reporters,
        health_checks=tuple(
            (o.source, o.registration) for o in catalogue.registered("health_check")
        ),
        jobs=tuple((o.source, o.registration) for o in catalogue.registered("job")),
        commands=tuple(o.registration for o in catalogue.registered("command")),
        routes=tuple((o.source, o.registration) for o in catalogue.registered("route")),
        sources=tuple(p.source for p in catalogue.loaded if not p.source.is_builtin),
        skipped=skipped,
    )


def wanted(settings: Settings) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Return, by the kinds that settings choose by name, the variable and the names in it."""
    scheme = settings.database_url.get_secret_value().partition("://")[0]
    return {
        "identity_provider": ("IDENTITY_PROVIDER_CHAIN", settings.identity_provider_chain),
        "encryption_backend": ("ENCRYPTION_BACKEND", (settings.encryption_backend,)),
        "retention_policy": ("RETENTION_POLICIES", settings.retention_policies),
        "metrics_exporter": ("METRICS_EXPORTERS", settings.metrics_exporters),
        "storage": ("DATABASE_URL", (scheme,)),
    }


def configure(
    load: Callable[[type[BaseSettings]], BaseSettings], entry: Registered
) -> tuple[BaseSettings | None, tuple[Problem, ...]]:
    try:
        return foreign.contained(load, entry.registration.settings), ()
    except ConfigurationError as error:
        return None, error.problems
    except Exception as error:  # a validator in the plugin's class may raise anything
        return None, (fault(entry.source, f"its settings class raised {describe(error)}"),)


def asks_for(entry: Registered, settings: BaseSettings) -> tuple[bool, tuple[Problem, ...]]:
    try:
        return bool(foreign.call(entry.registration.enabled, settings)), ()
    except Exception as error:  # the plugin's own code
        return False, (fault(entry.source, f"`enabled` raised {describe(error)}"),)


@dataclass(slots=True)
class _Chooser:
    catalogue: Catalogue
    settings: Settings
    environment: Environment
    clock: Clock
    problems: list[Problem] = field(default_factory=list)
    not_needed: list[Problem] = field(default_factory=list)

    def refuse_conflicting(self) -> None:
        self.problems += [
            Problem(str(failure.source), failure.cause, failure.fix)
            for failure in self.catalogue.failures
            if failure.refuses_start
        ]

    def named(self, kind: str) -> tuple[Selected[Any, Any], ...]:
        variable, names = wanted(self.settings)[kind]
        if kind == "identity_provider" and not names:
            fix = "name at least one provider, e.g. builtin"
            self.problems.append(Problem(variable, "is empty, so nobody could sign in", fix))
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.problems.append(Problem(variable, f"names {name!r} twice", "name it once"))
        return tuple(self._chosen(kind, variable, tuple(dict.fromkeys(names))))

    def _chosen(
        self, kind: str, variable: str, names: tuple[str, ...]
    ) -> Iterator[Selected[Any, Any]]:
        entries = {
            key: entry
            for entry in self.catalogue.registered(kind)
            for key in entry.kind.keys_of(entry.registration)
        }
        for name in names:
            if name in entries:
                chosen = self._configured(entries[name], self.problems)
                yield from (chosen,) if chosen else ()
            else:
                self._report_missing(kind, variable, name)

    def _report_missing(self, kind: str, variable: str, name: str) -> None:
        if problem := missing(self.catalogue, kind, variable, name):
            self.problems.append(problem)

    def others(self, kind: str) -> tuple[Selected[Any, Any], ...]:
        _, names = wanted(self.settings).get(kind, ("", ()))
        entries = [entry for entry in self.catalogue.registered(kind) if entry.name not in names]
        found = (self._configured(entry, self.not_needed) for entry in entries)
        return tuple(chosen for chosen in found if chosen)

    def error_reporters(self) -> tuple[Selected[Any, Any], ...]:
        entries = self.catalogue.registered("error_reporter")
        for name in sorted(self._known_reporters() - {entry.name for entry in entries}):
            variable = f"{name.upper()}_DSN"
            if self.environment.find(variable):
                self._report_missing("error_reporter", variable, name)
        found = [(entry, self._configured(entry, self.problems)) for entry in entries]
        return tuple(chosen for entry, chosen in found if chosen and self._asked(entry, chosen))

    def _known_reporters(self) -> set[str]:
        """Name those that failed, and those that this project has, installed or not."""
        kind = KIND["error_reporter"]
        registered = (one for failure in self.catalogue.failures for one in failure.registrations)
        failed = {name for of, name in registered if of == kind.name}
        return failed.union(filter(None, map(kind.implied_name, FIRST_PARTY)))

    def _asked(self, entry: Registered, chosen: Selected[Any, Any]) -> bool:
        asked, problems = asks_for(entry, chosen.settings)
        self.problems += problems
        return asked

    def _configured(self, entry: Registered, problems: list[Problem]) -> Selected[Any, Any] | None:
        loaded, wrong = configure(self.environment.load, entry)
        problems += wrong
        if loaded is None:
            return None
        context = PluginContext(
            settings=loaded,
            environment=self.settings.environment,
            home=self.settings.nestegg_home,
            clock=self.clock,
        )
        return Selected(entry.source, entry.registration, context, self.environment.scrubbed)

    def skipped(self) -> Iterator[Problem]:
        yield from self.not_needed
        yield from clashes(self.catalogue)
        yield from misspelt(self.catalogue)
        for failure in self.catalogue.failures:
            if not failure.refuses_start:
                yield Problem(str(failure.source), failure.cause, failure.fix)


def _name(chosen: Selected[Any, Any]) -> str:
    return chosen.name
