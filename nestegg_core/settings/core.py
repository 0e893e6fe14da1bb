"""The core's settings: their variables, their defaults, and what each must look like.

Plugins bring settings classes of their own; `Environment.load` fills those in the same way.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import URL

from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.settings import production
from nestegg_core.settings.environment import DEFAULT_HOME, SECRET_MAKERS, Environment, absolute
from nestegg_core.settings.loading import fields_of
from nestegg_core.settings.types import (
    CommaList,
    CronSchedule,
    FernetKey,
    GroupRoleList,
    Numbered,
    invalid,
)
from nestegg_core.settings.urls import (
    AllowedHosts,
    BaseUrl,
    DatabaseUrl,
    MailAddress,
    Origins,
    ProxyAddresses,
    RedisUrl,
    TrustedNetworks,
    usual_port,
    with_tls,
)

MIN_SECRET_KEY = 32
MAX_PORT = 65535
_GIBIBYTE = 1 << 30
_PASSED_ON = (
    "environment",
    "nestegg_home",
    "app_base_url",
    "database_url",
    "database_admin_url",
    "redis_url",
    "queue_redis_url",
)


def _long_enough(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < MIN_SECRET_KEY:
        raise invalid(
            f"has fewer than {MIN_SECRET_KEY} characters", "set a random one: openssl rand -hex 32"
        )
    return value


def _sqlite_in_home(data: dict[str, Any]) -> SecretStr:
    path = str(data["nestegg_home"] / "nestegg.sqlite3")
    return SecretStr(URL.create("sqlite", database=path).render_as_string(hide_password=False))


def _all_hosts_in_development(data: dict[str, Any]) -> tuple[str, ...]:
    return () if data["environment"] == "production" else ("*",)


def _invited_in_production(data: dict[str, Any]) -> Literal["open", "invite"]:
    return "invite" if data.get("environment") == "production" else "open"


def _few_in_production(data: dict[str, Any]) -> int:
    return 20 if data.get("environment") == "production" else 10_000


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


SecretKey = Annotated[SecretStr, AfterValidator(_long_enough)]
Count = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=0, le=MAX_PORT)]


class Settings(BaseSettings):
    """The core's settings. Its constructor takes values as arguments and reads nothing else."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    environment: Literal["development", "test", "production"] = "development"
    """What the server is for: development, test or production. Production refuses every insecure
    setting.
    """
    nestegg_home: Annotated[Path, AfterValidator(absolute)] = DEFAULT_HOME
    """Folder for data: the SQLite database, and secrets that development makes for itself."""
    secret_key: SecretKey
    """Signs sign-in tokens; at least 32 random characters. Make one with: openssl rand -hex 32.
    Development makes its own.
    """
    secret_key_previous: SecretKey | None = None
    """The SECRET_KEY before the present one, while its tokens are still valid."""
    master_encryption_key: FernetKey
    """Fernet key that encrypts personal data: 32 bytes in url-safe base64. Make one with: python -c
    'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'. Development
    makes its own. Without it the data is lost: back it up.
    """
    encryption_current_version: Count = 1
    """Version of MASTER_ENCRYPTION_KEY; one more after each rotation."""
    encryption_keys: Annotated[dict[Count, FernetKey], Numbered("ENCRYPTION_KEY_V")] = {}
    """Former master keys by version, ENCRYPTION_KEY_V1, ENCRYPTION_KEY_V2 and so on, for as long as
    data under them is left. A version above the current one only reads.
    """
    encryption_backend: str = "fernet"
    """Encryption backend for new values."""
    trusted_networks: TrustedNetworks = ()
    """Private networks (e.g. 172.16.0.0/12) and host names that you vouch for, such as those of
    compose: databases and Redis there need neither TLS nor password. Names are compared, not looked
    up.
    """
    database_url: DatabaseUrl = Field(default_factory=_sqlite_in_home)
    """Database: postgresql://user:password@host:5432/nestegg. When not set, the SQLite file
    nestegg.sqlite3 in NESTEGG_HOME. In production a PostgreSQL URL without sslmode gets
    sslmode=require, unless the host is this machine or in TRUSTED_NETWORKS.
    """
    database_admin_url: DatabaseUrl = Field(default_factory=lambda data: data["database_url"])
    """Database as the role that owns the tables, for migrations, backups and restores. When not
    set, DATABASE_URL.
    """
    redis_url: RedisUrl | None = None
    """Redis for cache, limits and jobs: redis://:password@host:6379/0. When not set, jobs run in
    the process that asks for them.
    """
    queue_redis_url: RedisUrl | None = Field(
        default_factory=lambda data: data["redis_url"],
        validation_alias=AliasChoices("queue_redis_url", "celery_broker_url"),
    )
    """Redis for jobs alone. When not set, REDIS_URL."""
    job_max_tries: Count = 5
    """How often a job is tried before it is kept as failed."""
    job_retry_seconds: Count = 15
    """Wait between the first and the second try of a job, in seconds. Each further wait is four
    times as long, up to an hour.
    """
    job_lease_seconds: int = Field(30, ge=2)
    """How long a worker may be silent before its job is given to another, in seconds. The clocks of
    all machines must agree far better than that.
    """
    allowed_hosts: AllowedHosts = Field(default_factory=_all_hosts_in_development)
    """Host names that requests may be addressed to, with commas between. When not set, all (*);
    production needs a list.
    """
    cors_origins: Origins = ()
    """Origins of web apps that may call the API from a browser, with commas between, e.g.
    https://app.example.com.
    """
    app_base_url: BaseUrl = "http://127.0.0.1:8000"
    """Public address of this server, without a path; https in production. When not set, this
    machine at WEB_PORT.
    """
    forwarded_allow_ips: ProxyAddresses = ("127.0.0.1", "::1")
    """Addresses of the proxies whose X-Forwarded headers are believed."""
    max_body_bytes: int = Field(10 * 1024 * 1024, gt=0, le=_GIBIBYTE)
    """Largest request body, in bytes: of an upload."""
    max_json_bytes: int = Field(256 * 1024, gt=0, le=_GIBIBYTE)
    """Largest JSON body, in bytes. MAX_BODY_BYTES, where that is less."""
    metrics_exporters: CommaList = ("prometheus",)
    """Metrics exporters in use; a single comma for none."""
    metrics_password: SecretStr = SecretStr("metrics")
    """Password of the user `admin` for the metrics. The default is refused in production, and so
    are fewer than 12 characters.
    """
    metrics_port: Port = 9090
    """Port of the metrics of `nestegg serve`; 0 switches them off."""
    worker_metrics_port: Port = 0
    """Port of the metrics of `nestegg worker`; 0 for none."""
    scheduler_metrics_port: Port = 0
    """Port of the metrics of `nestegg scheduler`; 0 for none."""
    metrics_host: str = "127.0.0.1"
    """Address that the metrics listen on; `::` as in WEB_HOST."""
    log_format: Literal["console", "json"] = "console"
    """console for users, json for programs."""
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)
    ] = "INFO"
    """Least level logged: DEBUG, INFO, WARNING, ERROR or CRITICAL."""
    identity_provider_chain: CommaList = ("builtin",)
    """Identity providers, in the order in which they see a token."""
    identity_group_roles: GroupRoleList = ()
    """Roles that groups of identity providers give, with commas between:
    provider:group:role:organization, e.g. keycloak:family:member:<organization id>. A comma in a
    group's name is written %2C.
    """
    registration: Literal["open", "invite", "closed"] = Field(
        default_factory=_invited_in_production
    )
    """Who may register with a password: open for everyone, invite for whoever has an invitation,
    closed for nobody. When not set, invite in production, else open.
    """
    password_hashes_at_once: Count = 2
    """Passwords that a process hashes at a time, with 64 MiB of memory each. Further ones wait ten
    seconds and are answered 503 then.
    """
    registrations_per_hour: Count = Field(default_factory=_few_in_production)
    """Users who may register from one address in an hour without an invitation. When not set, 20 in
    production, else 10000.
    """
    invitations_per_hour: Count = 50
    """Invitations that are mailed in an hour for one organization, for one user, and for all who
    ask from one address.
    """
    max_organizations_per_user: int = Field(50, ge=1, le=500)
    """Organizations that a user may be in, made or joined by invitation."""
    max_members_per_organization: Count = 200
    """Members of an organization; those whom groups of an identity provider bring come in beyond
    it.
    """
    max_invitations_per_organization: Count = 100
    """Open invitations of an organization."""
    max_accounts_per_organization: Count = 1_000
    """Accounts of an organization."""
    max_categories_per_organization: Count = 1_000
    """Categories of an organization."""
    max_personal_tokens_per_user: Count = 100
    """Personal access tokens of a user that have not expired."""
    smtp_host: str | None = None
    """Mail server for invitations and lost passwords. When not set, no mail is sent: links are
    shown to the administrator who asks for them.
    """
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """How mail travels: starttls, tls (from the first byte) or none. Production refuses none,
    unless SMTP_HOST is this machine or in TRUSTED_NETWORKS.
    """
    smtp_port: int = Field(default_factory=usual_port, ge=1, le=65535)
    """Port of the mail server. When not set, 587 for starttls, 465 for tls, 25 for none."""
    smtp_username: str | None = None
    """User at the mail server. When not set, nobody signs in there."""
    smtp_password: SecretStr | None = None
    """The user's password."""
    mail_from: MailAddress | None = None
    """Address that mail comes from, e.g. Nest Egg <nestegg@example.org>."""
    retention_policies: CommaList = ("transaction_age",)
    """Retention policies in use; a single comma for none."""
    data_retention_dry_run: bool = True
    """Whether the daily run only logs what the retention policies would delete. false deletes it.
    """
    backup_dir: Annotated[Path, AfterValidator(absolute)] | None = None
    """Folder for backups, best on another disk than the database. When set, a job makes, verifies
    and prunes them; workers must be able to write there.
    """
    backup_schedule: CronSchedule = "0 2 * * *"
    """When backups are made: five cron fields in UTC (minute, hour, day of the month, month, day of
    the week).
    """
    backup_keep_last: Count = 7
    """Newest backups that are kept."""
    backup_keep_daily: int = Field(14, ge=0)
    """Days of which the newest backup is kept."""
    backup_keep_weekly: int = Field(8, ge=0)
    """Weeks of which the newest backup is kept."""
    backup_keep_monthly: int = Field(12, ge=0)
    """Months of which the newest backup is kept."""
    backup_keep_unverified: Count = 3
    """Newest backups that are kept though they were not verified; the rules above count those that
    were.
    """
    import_preview_days: int = Field(30, ge=1, le=36_525)
    """Days that an import may wait to be committed."""
    plugins_disabled: CommaList = ()
    """Installed plugins that are switched off, with commas between."""
    plugins_for_any_core: CommaList = ()
    """Plugins that are loaded although they say that they are for another core: try it with a copy
    of your data.
    """
    access_token_minutes: Count = 15
    """How long an access token is valid, in minutes."""
    refresh_token_days: Count = 30
    """How long a session lasts without being used, in days."""

    @field_validator("database_url", "database_admin_url")
    @classmethod
    def _require_tls(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if info.data.get("environment") != "production":
            return value
        return with_tls(value, info.data.get("trusted_networks", ()))

    @classmethod
    def settings_customise_sources(  # the arguments' names are pydantic-settings'
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def load(environment: Environment) -> Settings:
    """Load the core's settings and apply the production rules.

    What is worked out here (`DATABASE_URL` and the like) is given to plugins' settings.
    """
    return _checked(environment, environment.load)


def preview(environment: Environment) -> Settings:
    """Do as `load` does, but leave the disk alone: secrets not made yet are only pretended.

    For commands that look: they may run as another user than the server.
    """
    settings = _checked(environment, environment.preview)
    _give_secrets(settings, environment)
    return settings


def judged_aside(
    environment: Environment, problems: Sequence[Problem]
) -> tuple[Settings, Environment]:
    """Return settings as if what is wrong with them were not set, and an environment to match.

    Nothing is started with these: they let plugins' settings be judged together with the core's.
    """
    settings, aside = _stand_in(environment, problems), environment.aside()
    _pass_on(settings, aside)
    _give_secrets(settings, aside)
    return settings, aside


def _give_secrets(settings: Settings, environment: Environment) -> None:
    for name in SECRET_MAKERS:
        environment.give(name, getattr(settings, name.lower()).get_secret_value())


def _address_with_port(environment: Environment) -> None:
    """Let links lead to where the server listens, while nobody has said where it is reached."""
    if environment.find("APP_BASE_URL") is not None:
        return
    variable = environment.find("WEB_PORT")
    port = variable.value if variable and variable.value else ""
    if port.isascii() and port.isdecimal() and 0 < int(port) <= MAX_PORT:
        environment.give("APP_BASE_URL", f"http://127.0.0.1:{port}")


def _checked(environment: Environment, read: Callable[[type[Settings]], Settings]) -> Settings:
    _address_with_port(environment)
    settings, problems = _attempt(read)
    judged = settings or _stand_in(environment, problems)
    blamed = {problem.where.removesuffix("_FILE") for problem in problems}
    broken = [_as_written(environment, problem) for problem in production.check(judged)]
    problems = [*environment.problems, *problems, *(p for p in broken if p.where not in blamed)]
    problems += _two_current_keys(judged)
    problems += [
        problem for problem in production.incomplete_mail(judged) if problem.where not in blamed
    ]
    if settings is None or problems:
        raise ConfigurationError(problems)
    _pass_on(settings, environment)
    return settings


def _pass_on(settings: Settings, environment: Environment) -> None:
    for name in _PASSED_ON:
        value = getattr(settings, name)
        if value is not None:
            plain = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            environment.give(name.upper(), plain)


def _two_current_keys(settings: Settings) -> Iterator[Problem]:
    version = settings.encryption_current_version
    numbered = settings.encryption_keys.get(version)
    if numbered is not None and numbered != settings.master_encryption_key:
        yield Problem(
            f"ENCRYPTION_KEY_V{version}",
            "differs from MASTER_ENCRYPTION_KEY, which is the key of "
            f"ENCRYPTION_CURRENT_VERSION={version}",
            f"if the master key is a new one, set ENCRYPTION_CURRENT_VERSION={version + 1}; else "
            "leave this variable out",
        )


def _attempt(
    read: Callable[[type[Settings]], Settings],
) -> tuple[Settings | None, Sequence[Problem]]:
    try:
        return read(Settings), ()
    except ConfigurationError as error:
        return None, error.problems


def _stand_in(environment: Environment, problems: Sequence[Problem]) -> Settings:
    """Return the settings as if what is wrong were not set, so that the rules can judge the rest.

    A missing secret is pretended. Where `ENVIRONMENT` itself is wrong, no rule applies.
    """
    wrong = {problem.where.removesuffix("_FILE") for problem in problems}
    values = {name: make() for name, make in SECRET_MAKERS.items()}
    for field in fields_of(Settings):
        variable = environment.find(*field.variables)
        if variable and variable.value and variable.name not in wrong and not field.prefix:
            values[field.variable] = variable.value
    return Environment.read(values, dotenv=None).load(Settings)


def _as_written(environment: Environment, problem: Problem) -> Problem:
    """Name the variable that the operator wrote, where a setting has several."""
    field = next(field for field in fields_of(Settings) if problem.where in field.variables)
    found = environment.find(*field.variables)
    return replace(problem, where=found.name) if found else problem
