"""Wires what runs beside the requests: jobs, and all that the core's own jobs need.

A worker and a scheduler need no more, and are smaller for it: no identity provider, no importer
and no limit of rates is made or even imported there. `runtime` builds the other services upon this.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from typing import Any
from uuid import UUID

from nestegg_core import settings as core_settings
from nestegg_core.auth.builtin.email_verification import OneTimeLinks, OwnAddresses
from nestegg_core.auth.builtin.passwords import Argon2Passwords
from nestegg_core.backups.job import backup_job
from nestegg_core.backups.rotation import Keep
from nestegg_core.backups.service import Backups
from nestegg_core.backups.verify import books_balance, values_open
from nestegg_core.contracts.context import Clock
from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.contracts.storage import Storage
from nestegg_core.database.quotas import Quota
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.scoping import ScopedTransaction
from nestegg_core.database.sql_storage import SqlStorage
from nestegg_core.encryption.blind_index import BlindIndex, stored_root
from nestegg_core.encryption.cipher import FieldCipher
from nestegg_core.encryption.key_check import KeyCheck
from nestegg_core.encryption.key_maintenance import Keys
from nestegg_core.encryption.keyring import Keyring, key_bytes
from nestegg_core.encryption.rewrap import rewrap
from nestegg_core.encryption.usage import status, verify
from nestegg_core.errors import ConfigurationError, PluginFault, Problem
from nestegg_core.jobs.model import Policy
from nestegg_core.jobs.runner import CORE, current_job
from nestegg_core.jobs.service import Jobs, make_jobs
from nestegg_core.ledger.balances import check_books
from nestegg_core.mail.messages import Letter, Letters
from nestegg_core.mail.queue import INVITATION, RESET, SHOWN_RESET, VERIFICATION, mail_jobs
from nestegg_core.mail.smtp import Mailer, MailServer, SmtpMailer
from nestegg_core.observability.connections import ConnectionWatch
from nestegg_core.observability.job_metrics import DAILY, MEASURE_KEYS, DailyMeasures
from nestegg_core.observability.logs import traceback_of
from nestegg_core.observability.plugin_faults import Metrics, PluginFaults
from nestegg_core.plugin_host import PluginHost, Plugins
from nestegg_core.plugin_host.proxies import Blame, GuardedPlugins
from nestegg_core.retention.cleanup import Cleaning, Lifetimes
from nestegg_core.retention.engine import ClockCheck, Retention, retention_job
from nestegg_core.settings import Environment, Settings
from nestegg_core.users.emails import EmailReindexing, Emails
from nestegg_core.users.invitations import Invitations
from nestegg_core.users.invitations import Quotas as InvitationQuotas
from nestegg_core.users.roles import PERMISSIONS


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Background:
    """The services of workers and schedulers, wired. Nothing has connected anywhere yet."""

    settings: Settings
    clock: Clock
    storage: Storage
    migrates_itself: bool
    rows: SealedRows
    index: BlindIndex
    keys: Keys
    check_keys: KeyCheck
    emails: Emails
    email_reindexing: EmailReindexing
    passwords: Argon2Passwords
    own_addresses: OwnAddresses
    invitations: Invitations
    mailer: Mailer | None
    retention: Retention
    backups: Backups
    jobs: Jobs
    metrics: Metrics
    faults: PluginFaults
    guarded: GuardedPlugins
    left_out: Sequence[Problem]
    """Plugins and their settings that are not in order but not needed either: for the log."""

    @property
    def blame(self) -> Blame:
        """Finds the plugin behind an error that nobody expected."""
        return self.guarded.blame


def build_background(settings: Settings, plugins: Plugins, clock: Clock = utc_now) -> Background:
    """Wire the services of a worker. Opens no connection and touches no network.

    Args:
        settings: the core's settings.
        plugins: what the configuration chose, from `PluginHost.select`.
        clock: the present moment; tests hand in one that can be moved.

    Raises:
        ConfigurationError: a plugin's factory failed, or a key is missing.
    """
    metrics = Metrics([(one.source, one.make()) for one in plugins.metrics_exporters])
    faults = PluginFaults(metrics, [(one.source, one.make()) for one in plugins.error_reporters])
    guarded = GuardedPlugins(plugins, faults, PERMISSIONS, ScopedTransaction)
    storage = plugins.storage.make()
    if isinstance(storage, SqlStorage):
        storage.watch = ConnectionWatch(metrics)
    keyring, backend = _keyring(settings), settings.encryption_backend
    rows = SealedRows(FieldCipher(keyring, guarded.encryption_backends(), backend, metrics))
    index = BlindIndex(lambda: stored_root(storage, rows))
    emails = Emails(index, rows)
    email_reindexing = EmailReindexing(storage, rows, emails)
    passwords = Argon2Passwords(at_once=settings.password_hashes_at_once)
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
        check_clock=ClockCheck(
            storage,
            clock,
            storage.database_clock if isinstance(storage, SqlStorage) else lambda: None,
        ),
    )
    keys = Keys(storage, rows, keyring, backend, clock)
    daily = DailyMeasures(metrics, clock)
    letters = Letters(settings.app_base_url)
    own_addresses = OwnAddresses(
        storage=storage,
        rows=rows,
        emails=emails,
        passwords=passwords,
        links=OneTimeLinks(clock),
        letters=letters,
        clock=clock,
    )
    invitations = Invitations(
        storage=storage,
        rows=rows,
        emails=emails,
        letters=letters,
        clock=clock,
        quotas=InvitationQuotas(
            open=quota(settings, "MAX_INVITATIONS_PER_ORGANIZATION"),
            members=quota(settings, "MAX_MEMBERS_PER_ORGANIZATION"),
            organizations=quota(settings, "MAX_ORGANIZATIONS_PER_USER"),
        ),
    )
    mailer = _mailer(settings, clock)
    check_keys = KeyCheck(storage, keyring, rows, index, clock)
    backups = Backups(
        storage=storage,
        others_connected=(
            storage.others_connected if isinstance(storage, SqlStorage) else lambda: 0
        ),
        key_problems=check_keys.refusals,
        proofs=[
            books_balance(check_books),
            values_open(lambda scratch: verify(replace(keys, storage=scratch))),
        ],
        release=version("nestegg-core"),
        clock=clock,
        metrics=metrics,
    )
    queue_url = settings.queue_redis_url
    own_jobs = [
        retention_job(
            retention,
            dry_run=settings.data_retention_dry_run,
            asked_by=_asked_by,
            tell=daily.retention,
        ),
        _rewrap_job(keys, email_reindexing, daily),
        _measure_keys_job(keys, email_reindexing, daily),
        backup_job(
            backups,
            settings.backup_dir,
            settings.backup_schedule,
            backups_to_keep(settings),
            asked_at=lambda: job.asked_at if (job := current_job()) else clock(),
        ),
        *(mail_jobs(mailer, _letters(own_addresses, invitations)) if mailer else ()),
    ]
    jobs = make_jobs(
        storage=storage,
        rows=rows,
        index=index,
        clock=clock,
        registrations=[*own_jobs, *guarded.jobs({job.name for job in own_jobs})],
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
    return Background(
        settings=settings,
        clock=clock,
        storage=storage,
        migrates_itself=plugins.storage.registration.migrates_itself,
        rows=rows,
        index=index,
        keys=keys,
        check_keys=check_keys,
        emails=emails,
        email_reindexing=email_reindexing,
        passwords=passwords,
        own_addresses=own_addresses,
        invitations=invitations,
        mailer=mailer,
        retention=retention,
        backups=backups,
        jobs=jobs,
        metrics=metrics,
        faults=faults,
        guarded=guarded,
        left_out=(*plugins.left_out, *guarded.left_out),
    )


def start_background(environment: Environment | None = None, clock: Clock = utc_now) -> Background:
    """Read the settings, choose the plugins and build: what workers and schedulers do first.

    Raises:
        ConfigurationError: with every problem of settings and plugins.
    """
    settings, plugins = configured(environment or Environment.read(), clock)
    return build_background(settings, plugins, clock)


def configured(environment: Environment, clock: Clock) -> tuple[Settings, Plugins]:
    """Read the settings, and choose the plugins.

    Raises:
        ConfigurationError: with every problem of both.
    """
    try:
        settings = core_settings.load(environment)
    except ConfigurationError as error:
        judged, _ = core_settings.judged_aside(environment, error.problems)
        problems = _host(judged, environment).with_own(error.problems, environment)
        raise ConfigurationError(problems) from None
    return settings, _host(settings, environment).select(settings, environment, clock=clock)


def _host(settings: Settings, environment: Environment) -> PluginHost:
    return PluginHost.discover(
        disabled=settings.plugins_disabled,
        environment=environment,
        any_core=settings.plugins_for_any_core,
    )


def quota(settings: Settings, variable: str) -> Quota:
    """Return a limit on how many there may be, by its variable."""
    return Quota(variable, getattr(settings, variable.lower()))


def _keyring(settings: Settings) -> Keyring:
    version = settings.encryption_current_version
    secrets = {**settings.encryption_keys, version: settings.master_encryption_key}
    return Keyring(version, {n: key_bytes(key.get_secret_value()) for n, key in secrets.items()})


def _mailer(settings: Settings, clock: Clock) -> Mailer | None:
    """Return what sends mail; `None` where links are shown to administrators instead."""
    if settings.smtp_host is None or settings.mail_from is None:
        return None
    password = settings.smtp_password
    server = MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        sender=settings.mail_from,
        username=settings.smtp_username,
        password=password.get_secret_value() if password else None,
    )
    return SmtpMailer(server, clock)


def _letters(
    addresses: OwnAddresses, invitations: Invitations
) -> Mapping[str, Callable[[Mapping[str, Any]], Letter | None]]:
    """Return what writes each mail; nothing is sent for what is over by the time it runs."""
    return {
        RESET: lambda given: addresses.reset_letter(given["email"]),
        SHOWN_RESET: lambda given: addresses.shown_reset_letter(
            UUID(given["user_id"]), given["token"]
        ),
        VERIFICATION: lambda given: addresses.verification_letter(UUID(given["user_id"])),
        INVITATION: lambda given: invitations.letter(UUID(given["invitation_id"])),
    }


def backups_to_keep(settings: Settings) -> Keep:
    """Return the rules of `BACKUP_KEEP_LAST` and the like."""
    return Keep(
        last=settings.backup_keep_last,
        daily=settings.backup_keep_daily,
        weekly=settings.backup_keep_weekly,
        monthly=settings.backup_keep_monthly,
        unverified=settings.backup_keep_unverified,
    )


def _asked_by() -> str:
    """Tell who asked for the job that is being run."""
    job = current_job()
    return job.asked_by if job else CORE


def _rewrap_job(keys: Keys, reindexing: EmailReindexing, daily: DailyMeasures) -> JobRegistration:
    """Return the job that seals every value anew which another key has sealed."""

    def run(_: Mapping[str, Any]) -> None:
        rewrap(keys)
        reindexing.run()
        _measure_keys(keys, daily)

    return JobRegistration("rewrap", run, queue="heavy")


def _measure_keys_job(
    keys: Keys, reindexing: EmailReindexing, daily: DailyMeasures
) -> JobRegistration:
    """Return the job that counts the encrypted values by key version, and mends their indexes."""

    def run(_: Mapping[str, Any]) -> None:
        reindexing.run()
        _measure_keys(keys, daily)

    return JobRegistration(MEASURE_KEYS, run, queue="heavy", schedule=DAILY)


def _measure_keys(keys: Keys, daily: DailyMeasures) -> None:
    found = status(keys)
    daily.keys(found.counts, keys.backend, [key.version for key in found.keys])


def _report_job(
    faults: PluginFaults, blame: Blame, error: BaseException, facts: Mapping[str, str]
) -> None:
    """Report what a job raised: as its plugin's fault, or as an error of the core's."""
    if isinstance(error, PluginFault):  # recorded where it was raised
        return
    if blame.fault(error) is None:
        faults.report(error, facts)
