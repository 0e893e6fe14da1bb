"""Wires every service together, without Falcon: server and command line both start here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from typing import Any

from nestegg_core import settings as core_settings
from nestegg_core.contracts.context import Clock
from nestegg_core.contracts.metrics import MetricsExporter
from nestegg_core.contracts.operations import (
    CommandRegistration,
    HealthCheckRegistration,
    JobRegistration,
)
from nestegg_core.contracts.routes import Route
from nestegg_core.contracts.storage import Storage
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.sql_storage import SqlStorage
from nestegg_core.encryption.blind_index import BlindIndex, stored_root
from nestegg_core.encryption.envelope import Envelope
from nestegg_core.encryption.key_check import KeyCheck
from nestegg_core.encryption.keyring import Keyring, key_bytes
from nestegg_core.encryption.keys import Keys
from nestegg_core.encryption.rewrap import rewrap
from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.guards import Blame, BoundedCheck, Guard, GuardedPlugins
from nestegg_core.identity.access_tokens import AccessTokens
from nestegg_core.identity.chain import IdentityChain
from nestegg_core.importers.chooser import Importers
from nestegg_core.jobs.making import make_jobs
from nestegg_core.jobs.policy import Policy
from nestegg_core.jobs.reading import JobList
from nestegg_core.jobs.service import Jobs
from nestegg_core.ledger.accounts import Accounts
from nestegg_core.ledger.categories import Categories
from nestegg_core.ledger.imports import Imports
from nestegg_core.ledger.money import format_amount
from nestegg_core.ledger.reports import Reports
from nestegg_core.ledger.transactions import Transactions
from nestegg_core.observability.plugin_faults import Metrics, PluginFaults
from nestegg_core.observability.tracebacks import traceback_of
from nestegg_core.people.access import Access
from nestegg_core.people.organizations import Organizations
from nestegg_core.people.passwords import Argon2Passwords
from nestegg_core.people.permissions import PERMISSIONS
from nestegg_core.people.persons import Persons
from nestegg_core.people.sessions import Sessions
from nestegg_core.plugin_host import PluginHost, Plugins, PluginStatus, Source
from nestegg_core.retention.cleaning import Cleaning, Lifetimes
from nestegg_core.retention.engine import Retention
from nestegg_core.retention.job import retention_job
from nestegg_core.retention.receipts import Receipts
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
    keys: Keys
    check_keys: KeyCheck
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
    retention: Retention
    receipts: Receipts
    jobs: Jobs
    job_list: JobList
    metrics: MetricsExporter
    faults: PluginFaults
    blame: Blame
    plugins: Sequence[PluginStatus]
    health_checks: Sequence[BoundedCheck]
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
    metrics = Metrics([(one.source, one.make()) for one in plugins.metrics_exporters])
    faults = PluginFaults(metrics, [(one.source, one.make()) for one in plugins.error_reporters])
    guarded = GuardedPlugins(plugins, faults, PERMISSIONS)
    storage = plugins.storage.make()
    keyring, backend = _keyring(settings), settings.encryption_backend
    rows = SealedRows(Envelope(keyring, guarded.encryption_backends(), backend, metrics))
    index = BlindIndex(lambda: stored_root(storage, rows))
    passwords = Argon2Passwords()
    categories = Categories(clock)
    importers = Importers(
        guarded.statement_importers(),
        [chosen.registration.options for chosen in plugins.statement_importers],
    )
    retention = Retention(
        storage=storage,
        policies=guarded.retention_policies(),
        cleaning=Cleaning(
            storage,
            Lifetimes(
                session=timedelta(days=settings.refresh_token_days),
                preview=timedelta(days=settings.import_preview_days),
            ),
        ),
        clock=clock,
    )
    keys = Keys(storage, rows, keyring, backend, clock)
    queue_url = settings.queue_redis_url
    jobs = make_jobs(
        storage=storage,
        rows=rows,
        index=index,
        clock=clock,
        registrations=[
            retention_job(retention, dry_run=settings.data_retention_dry_run),
            _rewrap_job(keys),
            *plugins.jobs,
        ],
        policy=Policy(
            lease=timedelta(seconds=settings.job_lease_seconds),
            max_tries=settings.job_max_tries,
            first_wait=timedelta(seconds=settings.job_retry_seconds),
        ),
        redis_url=queue_url.get_secret_value() if queue_url else None,
        metrics=metrics,
        describe=traceback_of,
        report=partial(_report_job, faults, guarded.blame),
    )
    return Runtime(
        settings=settings,
        clock=clock,
        storage=storage,
        migrates_itself=plugins.storage.registration.migrates_itself,
        rows=rows,
        keys=keys,
        check_keys=KeyCheck(storage, keyring, clock),
        chain=IdentityChain(guarded.identity_providers()),
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
        retention=retention,
        receipts=Receipts(format_amount),
        jobs=jobs,
        job_list=JobList(storage, rows),
        metrics=metrics,
        faults=faults,
        blame=guarded.blame,
        plugins=plugins.statuses,
        health_checks=[*_own_checks(jobs, faults), *guarded.health_checks()],
        commands=plugins.commands,
        routes=guarded.routes,
        left_out=(*plugins.left_out, *guarded.left_out),
    )


def start(environment: Environment | None = None, clock: Clock = utc_now) -> Runtime:
    """Read the settings, choose the plugins and build: what every entry point does first.

    Raises:
        ConfigurationError: with every problem of settings and plugins.
    """
    environment = environment or Environment.read()
    settings = core_settings.load(environment)
    host = PluginHost.discover(disabled=settings.plugins_disabled, environment=environment)
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


def _keyring(settings: Settings) -> Keyring:
    version = settings.encryption_current_version
    secrets = {**settings.encryption_keys, version: settings.master_encryption_key}
    return Keyring(version, {n: key_bytes(key.get_secret_value()) for n, key in secrets.items()})


def _rewrap_job(keys: Keys) -> JobRegistration:
    """Return the job that seals every value anew which another key has sealed."""

    def run(_: Mapping[str, Any]) -> None:
        rewrap(keys)

    return JobRegistration("rewrap", run, queue="heavy")


def _report_job(
    faults: PluginFaults, blame: Blame, error: BaseException, facts: Mapping[str, str]
) -> None:
    """Report what a job raised: as its plugin's fault, or as an error of the core's."""
    if blame.fault(error) is None:
        faults.report(error, facts)


def _own_checks(jobs: Jobs, faults: PluginFaults) -> Sequence[BoundedCheck]:
    """Return the core's checks for `/readyz` that need a limit of time, as plugins' do."""
    if jobs.queue is None:
        return []
    core = Source("builtin:core", "nestegg-core", version("nestegg-core"))
    return [BoundedCheck(Guard(core, faults), HealthCheckRegistration("queue", jobs.check))]
