"""Wires every service together, without Falcon: server and command line both start here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from typing import Any

from nestegg_core import settings as core_settings
from nestegg_core.contracts.context import Clock
from nestegg_core.contracts.operations import (
    HealthCheckRegistration,
    JobRegistration,
)
from nestegg_core.contracts.routes import Route
from nestegg_core.contracts.storage import Storage
from nestegg_core.database.quotas import Quota
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.scoping import ScopedTransaction
from nestegg_core.database.sql_storage import SqlStorage
from nestegg_core.encryption.blind_index import BlindIndex, stored_root
from nestegg_core.encryption.envelope import Envelope
from nestegg_core.encryption.key_check import KeyCheck
from nestegg_core.encryption.keyring import Keyring, key_bytes
from nestegg_core.encryption.keys import Keys
from nestegg_core.encryption.rewrap import rewrap
from nestegg_core.encryption.status import status
from nestegg_core.encryption.verify import verify
from nestegg_core.errors import ConfigurationError, PluginFault, Problem
from nestegg_core.guards import Blame, BoundedCheck, Guard, GuardedPlugins
from nestegg_core.identity.access_tokens import AccessTokens
from nestegg_core.identity.chain import IdentityChain
from nestegg_core.identity.directory import SignInDirectory
from nestegg_core.importers.chooser import Importers
from nestegg_core.jobs.current import CORE, current_job
from nestegg_core.jobs.making import make_jobs
from nestegg_core.jobs.policy import Policy
from nestegg_core.jobs.reading import JobList
from nestegg_core.jobs.service import Jobs
from nestegg_core.ledger.accounts import Accounts
from nestegg_core.ledger.books import check_books
from nestegg_core.ledger.categories import Categories
from nestegg_core.ledger.imports import Imports
from nestegg_core.ledger.money import format_amount
from nestegg_core.ledger.reports import Reports
from nestegg_core.ledger.transactions import Transactions
from nestegg_core.observability.connections import ConnectionWatch
from nestegg_core.observability.daily import DAILY, MEASURE_KEYS, DailyMeasures
from nestegg_core.observability.plugin_faults import Metrics, PluginFaults
from nestegg_core.observability.tracebacks import traceback_of
from nestegg_core.operations.backups import Backups
from nestegg_core.operations.job import backup_job
from nestegg_core.operations.keeping import Keep
from nestegg_core.operations.proofs import books_balance, values_open
from nestegg_core.people.access import Access
from nestegg_core.people.administration import Administration
from nestegg_core.people.email_reindexing import EmailReindexing
from nestegg_core.people.emails import Emails
from nestegg_core.people.group_roles import GroupRoles, GroupRule
from nestegg_core.people.identity_links import IdentityLinks
from nestegg_core.people.invitations import Invitations
from nestegg_core.people.invitations import Quotas as InvitationQuotas
from nestegg_core.people.letters import Letters
from nestegg_core.people.mail import Mailer, MailServer, SmtpMailer
from nestegg_core.people.mail_jobs import mail_jobs
from nestegg_core.people.members import Members
from nestegg_core.people.one_time_links import OneTimeLinks
from nestegg_core.people.organizations import Organizations
from nestegg_core.people.outbox import Outbox
from nestegg_core.people.own_addresses import OwnAddresses
from nestegg_core.people.own_password import OwnPassword
from nestegg_core.people.passwords import Argon2Passwords
from nestegg_core.people.permissions import PERMISSIONS
from nestegg_core.people.personal_tokens import PersonalTokens
from nestegg_core.people.persons import Persons
from nestegg_core.people.provisioning import Provisioning
from nestegg_core.people.rate_limits import RateLimits, rules_with
from nestegg_core.people.recent_proof import RecentProof
from nestegg_core.people.registration import Registration
from nestegg_core.people.second_factors import SecondFactors
from nestegg_core.people.session_list import SessionList
from nestegg_core.people.sessions import Sessions
from nestegg_core.people.sign_in import SignIn
from nestegg_core.people.sign_in_limits import SignInLimits
from nestegg_core.plugin_host import PluginHost, Plugins, PluginStatus, Source
from nestegg_core.retention.cleaning import Cleaning, Lifetimes
from nestegg_core.retention.clock_check import ClockCheck
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
    email_reindexing: EmailReindexing
    chain: IdentityChain
    sign_in_directory: SignInDirectory
    access: Access
    persons: Persons
    provisioning: Provisioning
    identity_links: IdentityLinks
    organizations: Organizations
    sessions: Sessions
    session_list: SessionList
    sign_in: SignIn
    own_password: OwnPassword
    second_factors: SecondFactors
    personal_tokens: PersonalTokens
    recent_proof: RecentProof
    administration: Administration
    rate_limits: RateLimits
    members: Members
    invitations: Invitations
    registration: Registration
    own_addresses: OwnAddresses
    outbox: Outbox
    accounts: Accounts
    categories: Categories
    transactions: Transactions
    imports: Imports
    importers: Importers
    reports: Reports
    retention: Retention
    receipts: Receipts
    backups: Backups
    jobs: Jobs
    job_list: JobList
    mailer: Mailer | None
    metrics: Metrics
    faults: PluginFaults
    blame: Blame
    plugins: Sequence[PluginStatus]
    health_checks: Sequence[BoundedCheck]
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
    guarded = GuardedPlugins(plugins, faults, PERMISSIONS, ScopedTransaction)
    storage = plugins.storage.make()
    if isinstance(storage, SqlStorage):
        storage.watch = ConnectionWatch(metrics)
    keyring, backend = _keyring(settings), settings.encryption_backend
    rows = SealedRows(Envelope(keyring, guarded.encryption_backends(), backend, metrics))
    index = BlindIndex(lambda: stored_root(storage, rows))
    emails = Emails(index, rows)
    email_reindexing = EmailReindexing(storage, rows, emails)
    passwords = Argon2Passwords(at_once=settings.password_hashes_at_once)
    redis_url = settings.redis_url
    rate_limits = RateLimits(
        index,
        redis_url.get_secret_value() if redis_url else None,
        rules_with(
            {
                "REGISTRATIONS_PER_HOUR": settings.registrations_per_hour,
                "INVITATIONS_PER_HOUR": settings.invitations_per_hour,
            }
        ),
    )
    organization_quota = _quota(settings, "MAX_ORGANIZATIONS_PER_PERSON")
    sessions = Sessions(
        storage=storage,
        rows=rows,
        index=index,
        tokens=AccessTokens(
            settings.secret_key.get_secret_value(),
            timedelta(minutes=settings.access_token_minutes),
            clock,
        ),
        lifetime=timedelta(days=settings.refresh_token_days),
        clock=clock,
    )
    own_password = OwnPassword(
        storage=storage, rows=rows, passwords=passwords, limits=rate_limits, clock=clock
    )
    second_factors = SecondFactors(storage=storage, rows=rows, proof=own_password, clock=clock)
    categories = Categories(clock, _quota(settings, "MAX_CATEGORIES_PER_ORGANIZATION"))
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
        check_clock=ClockCheck(
            storage,
            clock,
            storage.database_clock if isinstance(storage, SqlStorage) else lambda: None,
        ),
    )
    keys = Keys(storage, rows, keyring, backend, clock)
    daily = DailyMeasures(metrics, clock)
    organizations = Organizations(storage, categories.prepare, clock, organization_quota)
    persons = Persons(
        storage=storage,
        rows=rows,
        emails=emails,
        passwords=passwords,
        found=organizations.found,
        clock=clock,
    )
    chain = IdentityChain(guarded.identity_providers(), metrics)
    group_roles = GroupRoles(_group_rules(settings, chain), clock)
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
            open=_quota(settings, "MAX_INVITATIONS_PER_ORGANIZATION"),
            members=_quota(settings, "MAX_MEMBERS_PER_ORGANIZATION"),
            organizations=organization_quota,
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
        *(mail_jobs(mailer, own_addresses, invitations) if mailer else ()),
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
    return Runtime(
        settings=settings,
        clock=clock,
        storage=storage,
        migrates_itself=plugins.storage.registration.migrates_itself,
        rows=rows,
        keys=keys,
        check_keys=check_keys,
        email_reindexing=email_reindexing,
        chain=chain,
        sign_in_directory=SignInDirectory(
            chain.providers,
            registration=settings.registration,
            allow_loopback_http=settings.environment != "production",
            clock=clock,
        ),
        access=Access(storage),
        persons=persons,
        provisioning=Provisioning(
            storage=storage,
            rows=rows,
            emails=emails,
            persons=persons,
            group_roles=group_roles,
            clock=clock,
        ),
        identity_links=IdentityLinks(
            storage=storage,
            rows=rows,
            group_roles=group_roles,
            providers=chain.names_by_issuer,
            passwords_count="builtin" in settings.identity_provider_chain,
            proof=own_password,
            mails=mailer is not None,
            clock=clock,
        ),
        organizations=organizations,
        sessions=sessions,
        session_list=SessionList(storage, rows, clock),
        sign_in=SignIn(
            storage=storage,
            index=index,
            emails=emails,
            passwords=passwords,
            limits=SignInLimits(rate_limits),
            second_factors=second_factors,
            sessions=sessions,
        ),
        own_password=own_password,
        second_factors=second_factors,
        rate_limits=rate_limits,
        members=Members(rows, chain.names_by_issuer, clock),
        invitations=invitations,
        registration=Registration(settings.registration, persons, invitations, rate_limits),
        own_addresses=own_addresses,
        outbox=Outbox(jobs, configured=mailer is not None, runs_here=jobs.queue is None),
        personal_tokens=PersonalTokens(
            storage, rows, clock, _quota(settings, "MAX_PERSONAL_TOKENS_PER_PERSON")
        ),
        recent_proof=RecentProof(storage, own_password, second_factors, clock),
        administration=Administration(storage, rows, clock),
        accounts=Accounts(rows, clock, _quota(settings, "MAX_ACCOUNTS_PER_ORGANIZATION")),
        categories=categories,
        transactions=Transactions(rows, clock),
        imports=Imports(rows, categories, clock),
        importers=importers,
        reports=Reports(),
        retention=retention,
        receipts=Receipts(format_amount),
        backups=backups,
        jobs=jobs,
        job_list=JobList(storage, rows, jobs.full_name),
        mailer=mailer,
        metrics=metrics,
        faults=faults,
        blame=guarded.blame,
        plugins=plugins.statuses,
        health_checks=[*_own_checks(jobs, faults), *guarded.health_checks()],
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
    host = PluginHost.discover(
        disabled=settings.plugins_disabled,
        environment=environment,
        any_core=settings.plugins_for_any_core,
    )
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


def _quota(settings: Settings, variable: str) -> Quota:
    return Quota(variable, getattr(settings, variable.lower()))


def _keyring(settings: Settings) -> Keyring:
    version = settings.encryption_current_version
    secrets = {**settings.encryption_keys, version: settings.master_encryption_key}
    return Keyring(version, {n: key_bytes(key.get_secret_value()) for n, key in secrets.items()})


def _group_rules(settings: Settings, chain: IdentityChain) -> Sequence[GroupRule]:
    """Return `IDENTITY_GROUP_ROLES` by the issuers that tokens name."""
    return [
        GroupRule(issuer, entry.group, entry.role, entry.org_id)
        for entry in settings.identity_group_roles
        for issuer, name in chain.names_by_issuer.items()
        if name == entry.provider
    ]


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


def backups_to_keep(settings: Settings) -> Keep:
    """Return the rules of `BACKUP_KEEP_LAST` and the like."""
    return Keep(
        last=settings.backup_keep_last,
        daily=settings.backup_keep_daily,
        weekly=settings.backup_keep_weekly,
        monthly=settings.backup_keep_monthly,
        unproved=settings.backup_keep_unproved,
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


def _own_checks(jobs: Jobs, faults: PluginFaults) -> Sequence[BoundedCheck]:
    """Return the core's checks for `/readyz` that need a limit of time, as plugins' do."""
    if jobs.queue is None:
        return []
    core = Source("builtin:core", "nestegg-core", version("nestegg-core"))
    # Without Redis jobs wait and requests do not: no reason to send requests elsewhere.
    queue = HealthCheckRegistration("queue", jobs.check, essential=False)
    return [BoundedCheck(Guard(core, faults), queue)]
