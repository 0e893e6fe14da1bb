"""The one composition root: every service there is, wired. Nothing here connects anywhere.

A package says in its `__init__` what it offers, as a dataclass of services, and how that is made:
its `wire`. Here each package is named once. A worker needs `Background` alone, and its process is
smaller for it, as packages import what they are made of when they are wired. `Runtime` adds what
requests need.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from nestegg_core import auth, backups, encryption, importers, jobs, ledger, mail, retention, users
from nestegg_core.contracts.context import Clock
from nestegg_core.contracts.routes import Route
from nestegg_core.contracts.storage import Storage
from nestegg_core.database.locks import Quota
from nestegg_core.database.scoping import ScopedTransaction
from nestegg_core.database.sql_storage import SqlStorage
from nestegg_core.errors import Problem
from nestegg_core.observability.connections import ConnectionWatch
from nestegg_core.observability.plugin_faults import Metrics, PluginFaults
from nestegg_core.plugin_host import Plugins, PluginStatus, configured
from nestegg_core.plugin_host.proxies import BoundedCheck, FaultAttribution, GuardedPlugins
from nestegg_core.settings import Environment, Settings
from nestegg_core.users.roles import PERMISSIONS

if TYPE_CHECKING:
    from nestegg_core.rate_limits import RateLimits

T = TypeVar("T")


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Kernel:
    """What the configuration chose: every package is made of it."""

    settings: Settings
    selected: Plugins
    clock: Clock
    storage: Storage
    metrics: Metrics
    faults: PluginFaults
    guarded: GuardedPlugins

    @property
    def migrates_itself(self) -> bool:
        return self.selected.storage.registration.migrates_itself

    @property
    def attribution(self) -> FaultAttribution:
        """Finds the plugin behind an error that nobody expected."""
        return self.guarded.attribution

    @property
    def skipped(self) -> Sequence[Problem]:
        """Plugins and their settings that are not in order but not needed either: for the log."""
        return (*self.selected.skipped, *self.guarded.skipped)

    def quota(self, variable: str) -> Quota:
        """Return a limit on how many there may be, by its variable."""
        return Quota(variable, getattr(self.settings, variable.lower()))


@dataclass(frozen=True)
class Sealed(encryption.EncryptionServices, Kernel):
    """The kernel, with what seals and opens columns."""


@dataclass(frozen=True)
class Background(
    jobs.JobServices,
    backups.BackupServices,
    retention.RetentionServices,
    mail.MailerServices,
    auth.PasswordServices,
    users.AddressServices,
    Sealed,
):
    """The services of workers and schedulers."""


@dataclass(frozen=True)
class Runtime(
    ledger.LedgerServices,
    importers.ImporterServices,
    users.UserServices,
    auth.ProviderServices,
    auth.SignInServices,
    mail.MailServices,
    retention.ReceiptServices,
    Background,
):
    """Every service."""

    rate_limits: "RateLimits"
    plugins: Sequence[PluginStatus]
    health_checks: Sequence[BoundedCheck]
    routes: Sequence[tuple[str, Route]]


def build_background(settings: Settings, plugins: Plugins, clock: Clock = utc_now) -> Background:
    """Wire the services of a worker.

    Args:
        settings: the core's settings.
        plugins: what the configuration chose, from `PluginHost.select`.
        clock: the present moment; tests hand in one that can be moved.

    Raises:
        ConfigurationError: a plugin's factory failed, or a key is missing.
    """
    kernel = _kernel(settings, plugins, clock)
    sealed = joined(Sealed, kernel, encryption.wire(kernel))
    addresses = users.wire_addresses(sealed)
    passwords = auth.wire_passwords(sealed, addresses)
    mailer = mail.wire_mailer(kernel)
    purge = retention.wire(kernel)
    backup = backups.wire(sealed)
    own = [
        *retention.jobs(kernel, purge),
        *encryption.jobs(sealed, addresses.email_reindexing.run),
        *backups.jobs(kernel, backup),
        *mail.jobs(mailer, passwords, addresses),
    ]
    registrations = [*own, *kernel.guarded.jobs({job.name for job in own})]
    work = jobs.wire(sealed, registrations)
    return joined(Background, sealed, addresses, passwords, mailer, purge, backup, work)


def build(settings: Settings, plugins: Plugins, clock: Clock = utc_now) -> Runtime:
    """Wire everything; arguments and errors are those of `build_background`.

    Raises:
        ConfigurationError: also when two identity providers name one issuer.
    """
    from nestegg_core.ledger.money import format_amount

    below = build_background(settings, plugins, clock)
    books = ledger.wire(below)
    providers = auth.wire_providers(below)
    known = users.wire(below, providers, books)
    limits = auth.limits_of(below)
    return joined(
        Runtime,
        below,
        books,
        importers.wire(below),
        providers,
        known,
        auth.wire(below, providers, known, limits),
        mail.wire(below),
        retention.wire_receipts(format_amount),
        rate_limits=limits,
        plugins=plugins.statuses,
        health_checks=[*jobs.checks(below), *below.guarded.health_checks()],
        routes=below.guarded.routes,
    )


def start(environment: Environment | None = None, clock: Clock = utc_now) -> Runtime:
    """Read the settings, choose the plugins and build: what the server and commands do first.

    Raises:
        ConfigurationError: with every problem of settings and plugins.
    """
    return build(*configured(environment or Environment.read(), clock), clock)


def start_background(environment: Environment | None = None, clock: Clock = utc_now) -> Background:
    """Do as `start` does, for workers and schedulers."""
    return build_background(*configured(environment or Environment.read(), clock), clock)


def _kernel(settings: Settings, plugins: Plugins, clock: Clock) -> Kernel:
    metrics = Metrics([(one.source, one.make()) for one in plugins.metrics_exporters])
    faults = PluginFaults(metrics, [(one.source, one.make()) for one in plugins.error_reporters])
    guarded = GuardedPlugins(plugins, faults, PERMISSIONS, ScopedTransaction)
    storage = plugins.storage.make()
    if isinstance(storage, SqlStorage):
        storage.watch = ConnectionWatch(metrics)
    return Kernel(settings, plugins, clock, storage, metrics, faults, guarded)


def joined(made: type[T], *parts: Any, **others: Any) -> T:
    """Make one dataclass of services of the fields of several."""
    return made(
        **{each.name: getattr(part, each.name) for part in parts for each in fields(part)}, **others
    )
