"""What the settings chose: registrations with their settings, ready to be made."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from pydantic_settings import BaseSettings

from nestegg_core import foreign
from nestegg_core.contracts.context import PluginContext
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
from nestegg_core.plugin_host.kinds import methods_of
from nestegg_core.plugin_host.records import PluginStatus, Scrub, Source, describe, fault, scrubbed

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
class Chosen(Generic[R, T]):
    """A registration in force, with its settings loaded.

    Attributes:
        source: the plugin that it comes from.
        registration: what the plugin registered.
        context: what the factory is going to get.
        scrub: takes secrets out of what the factory raises.
    """

    source: Source
    registration: R
    context: PluginContext[Any]
    scrub: Scrub = field(default=str, compare=False, repr=False)

    @property
    def name(self) -> str:
        """What operators call it."""
        return self.registration.name

    @property
    def settings(self) -> BaseSettings:
        """The plugin's own settings, loaded and validated."""
        return cast(BaseSettings, self.context.settings)

    def make(self) -> T:
        """Make a new object with the registration's factory.

        Raises:
            ConfigurationError: the factory raised something that Nest Egg does not know.
        """
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
    """What the configuration chose. Sorted by name, except the chain, which has an order.

    Attributes:
        identity_providers: the chain, in its order.
        encryption_backends: every one that can be used, by name: each stored value is opened by
            the one that its token names. `Settings.encryption_backend` names the one for new
            values, and it is always there.
        retention_policies: those that `RETENTION_POLICIES` names.
        metrics_exporters: those that `METRICS_EXPORTERS` names.
        storage: the one that serves the scheme of `DATABASE_URL`.
        statement_importers: every one that can be used.
        error_reporters: those whose own settings ask for them.
        health_checks: of every plugin, each with the plugin.
        jobs: of every plugin, each with the plugin.
        commands: of every plugin.
        routes: of every plugin, each with the plugin.
        sources: every plugin from outside the core whose code may run.
        left_out: what is not in order but not needed either: for the log.
        statuses: the report on every plugin, the failed ones too.
    """

    identity_providers: tuple[Chosen[IdentityProviderRegistration, IdentityProvider], ...]
    encryption_backends: Mapping[str, Chosen[EncryptionBackendRegistration, EncryptionBackend]]
    retention_policies: tuple[Chosen[RetentionPolicyRegistration, RetentionPolicy], ...]
    metrics_exporters: tuple[Chosen[MetricsExporterRegistration, MetricsExporter], ...]
    storage: Chosen[StorageRegistration, Storage]
    statement_importers: tuple[Chosen[StatementImporterRegistration, StatementImporter], ...]
    error_reporters: tuple[Chosen[ErrorReporterRegistration, ErrorReporter], ...]
    health_checks: tuple[tuple[Source, HealthCheckRegistration], ...]
    jobs: tuple[tuple[Source, JobRegistration], ...]
    commands: tuple[CommandRegistration, ...]
    routes: tuple[tuple[Source, Route], ...]
    sources: tuple[Source, ...]
    left_out: tuple[Problem, ...]
    statuses: tuple[PluginStatus, ...] = ()
