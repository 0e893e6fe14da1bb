"""From what is on offer, what the settings ask for: named, configured and ready to be made."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic_settings import BaseSettings

from nestegg_core import foreign
from nestegg_core.contracts.context import Clock, PluginContext
from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.plugin_host.advice import FIRST_PARTY
from nestegg_core.plugin_host.candidates import clashes
from nestegg_core.plugin_host.chosen import Chosen, Plugins
from nestegg_core.plugin_host.missing import KIND, missing, misspelt
from nestegg_core.plugin_host.records import Catalogue, Offer, describe, fault, scrubbed
from nestegg_core.settings import Settings
from nestegg_core.settings.environment import Environment


def select(
    catalogue: Catalogue, settings: Settings, environment: Environment, clock: Clock
) -> Plugins:
    """Choose what the settings ask for; `PluginHost.select` says how."""
    chooser = _Chooser(catalogue, settings, environment, clock)
    chooser.refuse_contested()
    chain = chooser.named("identity_provider")
    policies = chooser.named("retention_policy")
    exporters = chooser.named("metrics_exporter")
    storages = chooser.named("storage")
    backends = (*chooser.named("encryption_backend"), *chooser.others("encryption_backend"))
    importers = chooser.others("statement_importer")
    reporters = chooser.error_reporters()
    left_out = scrubbed(tuple(chooser.left_out()), environment.scrubbed)
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
        health_checks=tuple((o.source, o.registration) for o in catalogue.offers("health_check")),
        jobs=tuple((o.source, o.registration) for o in catalogue.offers("job")),
        commands=tuple(o.registration for o in catalogue.offers("command")),
        routes=tuple((o.source, o.registration) for o in catalogue.offers("route")),
        sources=tuple(p.source for p in catalogue.loaded if not p.source.is_builtin),
        left_out=left_out,
    )


def wanted(settings: Settings) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Return, for each kind that settings choose by name, the variable and the names in it."""
    scheme = settings.database_url.get_secret_value().partition("://")[0]
    return {
        "identity_provider": ("IDENTITY_PROVIDER_CHAIN", settings.identity_provider_chain),
        "encryption_backend": ("ENCRYPTION_BACKEND", (settings.encryption_backend,)),
        "retention_policy": ("RETENTION_POLICIES", settings.retention_policies),
        "metrics_exporter": ("METRICS_EXPORTERS", settings.metrics_exporters),
        "storage": ("DATABASE_URL", (scheme,)),
    }


def configure(
    load: Callable[[type[BaseSettings]], BaseSettings], offer: Offer
) -> tuple[BaseSettings | None, tuple[Problem, ...]]:
    """Load the settings of what a plugin offers; return them, or what is wrong with them."""
    try:
        return foreign.contained(load, offer.registration.settings), ()
    except ConfigurationError as error:
        return None, error.problems
    except Exception as error:  # a validator in the plugin's class may raise anything
        return None, (fault(offer.source, f"its settings class raised {describe(error)}"),)


def asks_for(offer: Offer, settings: BaseSettings) -> tuple[bool, tuple[Problem, ...]]:
    """Tell whether an error reporter's settings ask for it; return also what went wrong."""
    try:
        return bool(foreign.call(offer.registration.enabled, settings)), ()
    except Exception as error:  # the plugin's own code
        return False, (fault(offer.source, f"`enabled` raised {describe(error)}"),)


class _Chooser:
    """Chooses kind by kind, and collects what is wrong on the way."""

    def __init__(
        self, catalogue: Catalogue, settings: Settings, environment: Environment, clock: Clock
    ) -> None:
        self.problems: list[Problem] = []
        self._not_needed: list[Problem] = []
        self._catalogue = catalogue
        self._settings = settings
        self._environment = environment
        self._clock = clock
        self._wanted = wanted(settings)

    def refuse_contested(self) -> None:
        """Two plugins with one name refuse the start: nobody can tell which one is meant."""
        self.problems += [
            Problem(str(failure.source), failure.cause, failure.fix)
            for failure in self._catalogue.failures
            if failure.refuses_start
        ]

    def named(self, kind: str) -> tuple[Chosen[Any, Any], ...]:
        """Return what the settings name, in their order; each must be there and configured."""
        variable, names = self._wanted[kind]
        if kind == "identity_provider" and not names:
            fix = "name at least one provider, e.g. builtin"
            self.problems.append(Problem(variable, "is empty, so nobody could sign in", fix))
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.problems.append(Problem(variable, f"names {name!r} twice", "name it once"))
        return tuple(self._chosen(kind, variable, tuple(dict.fromkeys(names))))

    def _chosen(
        self, kind: str, variable: str, names: tuple[str, ...]
    ) -> Iterator[Chosen[Any, Any]]:
        offers = {
            key: offer
            for offer in self._catalogue.offers(kind)
            for key in offer.kind.keys_of(offer.registration)
        }
        for name in names:
            if name in offers:
                chosen = self._configured(offers[name], self.problems)
                yield from (chosen,) if chosen else ()
            else:
                self._report_missing(kind, variable, name)

    def _report_missing(self, kind: str, variable: str, name: str) -> None:
        if problem := missing(self._catalogue, kind, variable, name):
            self.problems.append(problem)

    def others(self, kind: str) -> tuple[Chosen[Any, Any], ...]:
        """Return what is in order of one kind, but for what the settings name."""
        _, names = self._wanted.get(kind, ("", ()))
        offers = [offer for offer in self._catalogue.offers(kind) if offer.name not in names]
        found = (self._configured(offer, self._not_needed) for offer in offers)
        return tuple(chosen for chosen in found if chosen)

    def error_reporters(self) -> tuple[Chosen[Any, Any], ...]:
        """Return the reporters whose own settings ask for them."""
        offers = self._catalogue.offers("error_reporter")
        for name in sorted(self._known_reporters() - {offer.name for offer in offers}):
            variable = f"{name.upper()}_DSN"
            if self._environment.find(variable):
                self._report_missing("error_reporter", variable, name)
        found = [(offer, self._configured(offer, self.problems)) for offer in offers]
        return tuple(chosen for offer, chosen in found if chosen and self._asked(offer, chosen))

    def _known_reporters(self) -> set[str]:
        """Name those that failed, and those that this project has, installed or not."""
        kind = KIND["error_reporter"]
        registered = (one for failure in self._catalogue.failures for one in failure.registrations)
        failed = {name for of, name in registered if of == kind.name}
        return failed.union(filter(None, map(kind.told_by, FIRST_PARTY)))

    def _asked(self, offer: Offer, chosen: Chosen[Any, Any]) -> bool:
        asked, problems = asks_for(offer, chosen.settings)
        self.problems += problems
        return asked

    def _configured(self, offer: Offer, problems: list[Problem]) -> Chosen[Any, Any] | None:
        loaded, wrong = configure(self._environment.load, offer)
        problems += wrong
        if loaded is None:
            return None
        context = PluginContext(
            settings=loaded,
            environment=self._settings.environment,
            home=self._settings.nestegg_home,
            clock=self._clock,
        )
        return Chosen(offer.source, offer.registration, context, self._environment.scrubbed)

    def left_out(self) -> Iterator[Problem]:
        """Say what is not in order, but not needed: for the log."""
        yield from self._not_needed
        yield from clashes(self._catalogue)
        yield from misspelt(self._catalogue)
        for failure in self._catalogue.failures:
            if not failure.refuses_start:
                yield Problem(str(failure.source), failure.cause, failure.fix)


def _name(chosen: Chosen[Any, Any]) -> str:
    return chosen.name
