"""Wires every service together, without Falcon: server and command line both start here.

What runs beside the requests is wired in `background`; here comes what requests need."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from importlib.metadata import version

from nestegg_core.auth.builtin.access_tokens import AccessTokens
from nestegg_core.auth.builtin.password_change import OwnPassword
from nestegg_core.auth.builtin.personal_tokens import PersonalTokens
from nestegg_core.auth.builtin.recent_proof import RecentProof
from nestegg_core.auth.builtin.registration import Registration
from nestegg_core.auth.builtin.second_factor import SecondFactors
from nestegg_core.auth.builtin.sessions import SessionList, Sessions
from nestegg_core.auth.builtin.sign_in import PasswordSignIn, SignInLimits
from nestegg_core.auth.chain import IdentityChain
from nestegg_core.auth.directory import SignInDirectory
from nestegg_core.auth.group_roles import GroupRoles, GroupRule
from nestegg_core.auth.identity_links import IdentityLinks
from nestegg_core.auth.provisioning import Provisioning
from nestegg_core.background import (
    Background,
    build_background,
    configured,
    quota,
    utc_now,
)
from nestegg_core.contracts.context import Clock
from nestegg_core.contracts.operations import (
    HealthCheckRegistration,
)
from nestegg_core.contracts.routes import Route
from nestegg_core.database.sql_storage import SqlStorage
from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.importers.select import Importers
from nestegg_core.jobs.service import Jobs
from nestegg_core.jobs.store import JobList
from nestegg_core.ledger.accounts import Accounts
from nestegg_core.ledger.categories import Categories
from nestegg_core.ledger.imports import Imports
from nestegg_core.ledger.money import format_amount
from nestegg_core.ledger.reports import Reports
from nestegg_core.ledger.transactions import Transactions
from nestegg_core.mail.queue import Outbox
from nestegg_core.observability.plugin_faults import PluginFaults
from nestegg_core.plugin_host import Plugins, PluginStatus, Source
from nestegg_core.plugin_host.proxies import BoundedCheck, Guard
from nestegg_core.rate_limits import RateLimits, rules_with
from nestegg_core.retention.receipts import Receipts
from nestegg_core.settings import Environment, Settings
from nestegg_core.users.access import Access
from nestegg_core.users.administration import Administration
from nestegg_core.users.members import Members
from nestegg_core.users.organizations import Organizations
from nestegg_core.users.users import Users


@dataclass(frozen=True, slots=True)
class Runtime(Background):
    """Every service, wired. Nothing has connected anywhere yet."""

    chain: IdentityChain
    sign_in_directory: SignInDirectory
    access: Access
    users: Users
    provisioning: Provisioning
    identity_links: IdentityLinks
    organizations: Organizations
    sessions: Sessions
    session_list: SessionList
    sign_in: PasswordSignIn
    own_password: OwnPassword
    second_factors: SecondFactors
    personal_tokens: PersonalTokens
    recent_proof: RecentProof
    administration: Administration
    rate_limits: RateLimits
    members: Members
    registration: Registration
    outbox: Outbox
    accounts: Accounts
    categories: Categories
    transactions: Transactions
    imports: Imports
    importers: Importers
    reports: Reports
    receipts: Receipts
    job_list: JobList
    plugins: Sequence[PluginStatus]
    health_checks: Sequence[BoundedCheck]
    routes: Sequence[tuple[str, Route]]


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
    below = build_background(settings, plugins, clock)
    storage, rows, index, guarded = below.storage, below.rows, below.index, below.guarded
    emails, passwords, jobs = below.emails, below.passwords, below.jobs
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
    organization_quota = quota(settings, "MAX_ORGANIZATIONS_PER_USER")
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
    categories = Categories(clock, quota(settings, "MAX_CATEGORIES_PER_ORGANIZATION"))
    importers = Importers(
        guarded.statement_importers(),
        [chosen.registration.options for chosen in plugins.statement_importers],
    )
    organizations = Organizations(storage, categories.prepare, clock, organization_quota)
    users = Users(
        storage=storage,
        rows=rows,
        emails=emails,
        passwords=passwords,
        found=organizations.found,
        clock=clock,
    )
    chain = IdentityChain(guarded.identity_providers(), below.metrics)
    group_roles = GroupRoles(_group_rules(settings, chain), clock)
    return Runtime(
        **{one.name: getattr(below, one.name) for one in fields(below)},
        chain=chain,
        sign_in_directory=SignInDirectory(
            chain.providers,
            registration=settings.registration,
            allow_loopback_http=settings.environment != "production",
            clock=clock,
        ),
        access=Access(storage),
        users=users,
        provisioning=Provisioning(
            storage=storage,
            rows=rows,
            emails=emails,
            users=users,
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
            mails=below.mailer is not None,
            clock=clock,
        ),
        organizations=organizations,
        sessions=sessions,
        session_list=SessionList(storage, rows, clock),
        sign_in=PasswordSignIn(
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
        registration=Registration(settings.registration, users, below.invitations, rate_limits),
        outbox=Outbox(jobs, configured=below.mailer is not None, runs_here=jobs.queue is None),
        personal_tokens=PersonalTokens(
            storage, rows, clock, quota(settings, "MAX_PERSONAL_TOKENS_PER_USER")
        ),
        recent_proof=RecentProof(storage, own_password, second_factors, clock),
        administration=Administration(storage, rows, clock),
        accounts=Accounts(rows, clock, quota(settings, "MAX_ACCOUNTS_PER_ORGANIZATION")),
        categories=categories,
        transactions=Transactions(rows, clock),
        imports=Imports(rows, categories, clock),
        importers=importers,
        reports=Reports(),
        receipts=Receipts(format_amount),
        job_list=JobList(storage, rows, jobs.full_name),
        plugins=plugins.statuses,
        health_checks=[*_own_checks(jobs, below.faults), *guarded.health_checks()],
        routes=guarded.routes,
    )


def start(environment: Environment | None = None, clock: Clock = utc_now) -> Runtime:
    """Read the settings, choose the plugins and build: what the server and commands do first.

    Raises:
        ConfigurationError: with every problem of settings and plugins.
    """
    settings, plugins = configured(environment or Environment.read(), clock)
    return build(settings, plugins, clock)


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


def _group_rules(settings: Settings, chain: IdentityChain) -> Sequence[GroupRule]:
    """Return `IDENTITY_GROUP_ROLES` by the issuers that tokens name."""
    return [
        GroupRule(issuer, entry.group, entry.role, entry.org_id)
        for entry in settings.identity_group_roles
        for issuer, name in chain.names_by_issuer.items()
        if name == entry.provider
    ]


def _own_checks(jobs: Jobs, faults: PluginFaults) -> Sequence[BoundedCheck]:
    """Return the core's checks for `/readyz` that need a limit of time, as plugins' do."""
    if jobs.queue is None:
        return []
    core = Source("builtin:core", "nestegg-core", version("nestegg-core"))
    # Without Redis jobs wait and requests do not: no reason to send requests elsewhere.
    queue = HealthCheckRegistration("queue", jobs.check, essential=False)
    return [BoundedCheck(Guard(core, faults), queue)]
