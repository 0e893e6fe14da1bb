"""Wires every service together, without Falcon: server and command line both start here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nestegg_core import settings as core_settings
from nestegg_core.contracts.context import Clock
from nestegg_core.contracts.operations import CommandRegistration, HealthCheckRegistration
from nestegg_core.contracts.routes import Route
from nestegg_core.contracts.storage import Storage
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.sql_storage import SqlStorage
from nestegg_core.encryption.blind_index import BlindIndex, stored_root
from nestegg_core.encryption.envelope import Envelope
from nestegg_core.encryption.keyring import Keyring, key_bytes
from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.identity.access_tokens import AccessTokens
from nestegg_core.identity.chain import IdentityChain
from nestegg_core.importers.chooser import Importers
from nestegg_core.ledger.accounts import Accounts
from nestegg_core.ledger.categories import Categories
from nestegg_core.ledger.imports import Imports
from nestegg_core.ledger.reports import Reports
from nestegg_core.ledger.transactions import Transactions
from nestegg_core.people.access import Access
from nestegg_core.people.organizations import Organizations
from nestegg_core.people.passwords import Argon2Passwords
from nestegg_core.people.persons import Persons
from nestegg_core.people.sessions import Sessions
from nestegg_core.plugin_host import PluginHost, Plugins
from nestegg_core.settings import Environment, Settings


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Runtime:
    """Every service, wired. Nothing has connected anywhere yet."""

    settings: Settings
    clock: Clock
    storage: Storage
    migrates_itself: bool
    rows: SealedRows
    chain: IdentityChain
    access: Access
    persons: Persons
    organizations: Organizations
    sessions: Sessions
    accounts: Accounts
    categories: Categories
    transactions: Transactions
    imports: Imports
    importers: Importers
    reports: Reports
    health_checks: Sequence[HealthCheckRegistration]
    commands: Sequence[CommandRegistration]
    routes: Sequence[tuple[str, Route]]
    left_out: Sequence[Problem]
    """Plugins and their settings that are not in order but not needed either: for the log."""


def build(settings: Settings, plugins: Plugins, clock: Clock = utc_now) -> Runtime:
    """Wire the services of a configuration. Opens no connection and touches no network.

    Args:
        settings: the core's settings.
        plugins: what the configuration chose, from `PluginHost.select`.
        clock: the present moment; tests hand in one that can be moved.

    Raises:
        ConfigurationError: a plugin's factory failed, two providers name one issuer, or a key
            is missing.
    """
    storage = plugins.storage.make()
    rows = SealedRows(_envelope(settings, plugins))
    index = BlindIndex(lambda: stored_root(storage, rows))
    passwords = Argon2Passwords()
    categories = Categories(clock)
    importers = Importers(
        {chosen.name: chosen.make() for chosen in plugins.statement_importers},
        [chosen.registration.options for chosen in plugins.statement_importers],
    )
    return Runtime(
        settings=settings,
        clock=clock,
        storage=storage,
        migrates_itself=plugins.storage.registration.migrates_itself,
        rows=rows,
        chain=IdentityChain([(one.name, one.make()) for one in plugins.identity_providers]),
        access=Access(storage),
        persons=Persons(
            storage=storage,
            rows=rows,
            index=index,
            passwords=passwords,
            prepare_organization=categories.prepare,
            clock=clock,
        ),
        organizations=Organizations(clock),
        sessions=Sessions(
            storage=storage,
            index=index,
            passwords=passwords,
            tokens=AccessTokens(
                settings.secret_key.get_secret_value(),
                timedelta(minutes=settings.access_token_minutes),
                clock,
            ),
            lifetime=timedelta(days=settings.refresh_token_days),
            clock=clock,
        ),
        accounts=Accounts(rows, clock),
        categories=categories,
        transactions=Transactions(rows, clock),
        imports=Imports(rows, categories, clock),
        importers=importers,
        reports=Reports(),
        health_checks=plugins.health_checks,
        commands=plugins.commands,
        routes=plugins.routes,
        left_out=plugins.left_out,
    )


def start(environment: Environment | None = None, clock: Clock = utc_now) -> Runtime:
    """Read the settings, choose the plugins and build: what every entry point does first.

    Raises:
        ConfigurationError: with every problem of settings and plugins.
    """
    environment = environment or Environment.read()
    settings = core_settings.load(environment)
    host = PluginHost.discover(disabled=settings.plugins_disabled)
    return build(settings, host.select(settings, environment, clock=clock), clock)


def open_sql_storage() -> SqlStorage:
    """Return the configured storage, for a bare `alembic` at the command line.

    Raises:
        ConfigurationError: the storage has no Alembic migrations.
    """
    storage = start().storage
    if not isinstance(storage, SqlStorage):
        raise ConfigurationError(
            [Problem("DATABASE_URL", "is no SQL database", "use: nestegg db upgrade")]
        )
    return storage


def _envelope(settings: Settings, plugins: Plugins) -> Envelope:
    version = settings.encryption_current_version
    secrets = {**settings.encryption_keys, version: settings.master_encryption_key}
    keys = {number: key_bytes(key.get_secret_value()) for number, key in secrets.items()}
    backends = {name: chosen.make() for name, chosen in plugins.encryption_backends.items()}
    return Envelope(Keyring(version, keys), backends, settings.encryption_backend)
