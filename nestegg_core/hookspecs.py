"""What a plugin may register. Each hook is called once, at start-up, and returns registrations.

A hook takes `ctx` or nothing, and returns a sequence. What works at run time are the objects
that the registrations' factories make. Write an entry point of the group `nestegg.plugins` that
names the module with your hooks, and mark each with `hookimpl`.

Example:
    >>> @hookimpl
    ... def nestegg_health_checks(ctx: HookContext) -> Sequence[HealthCheckRegistration]:
    ...     return [HealthCheckRegistration("vault", lambda: [])]
"""

from collections.abc import Sequence

import pluggy

from nestegg_core.contracts.context import HookContext
from nestegg_core.contracts.encryption import EncryptionBackendRegistration
from nestegg_core.contracts.error_reporters import ErrorReporterRegistration
from nestegg_core.contracts.identity import IdentityProviderRegistration
from nestegg_core.contracts.importers import StatementImporterRegistration
from nestegg_core.contracts.metrics import MetricsExporterRegistration
from nestegg_core.contracts.operations import (
    CommandRegistration,
    HealthCheckRegistration,
    JobRegistration,
)
from nestegg_core.contracts.retention import RetentionPolicyRegistration
from nestegg_core.contracts.routes import Route
from nestegg_core.contracts.storage import StorageRegistration

PROJECT = "nestegg"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def nestegg_identity_providers(ctx: HookContext) -> Sequence[IdentityProviderRegistration]:
    """Offer identity providers; `IDENTITY_PROVIDER_CHAIN` chooses, in its order.

    Since version 0.1.

    Example:
        >>> from nestegg_core.auth.oidc import OidcProfile, OidcSettings, ProviderUrl
        >>> from nestegg_core.auth.oidc import provider_for
        >>> class AcmeSettings(OidcSettings):
        ...     idp_acme_issuer: ProviderUrl
        >>> def make(context):
        ...     issuers = (context.settings.idp_acme_issuer,)
        ...     profile = OidcProfile(name="acme", issuers=issuers, client_ids=("nest-egg",))
        ...     return provider_for(profile, context)
        >>> @hookimpl
        ... def nestegg_identity_providers():
        ...     return [IdentityProviderRegistration("acme", AcmeSettings, make)]
    """
    raise NotImplementedError


@hookspec
def nestegg_encryption_backends(ctx: HookContext) -> Sequence[EncryptionBackendRegistration]:
    """Offer encryption backends; `ENCRYPTION_BACKEND` chooses the one for new values.

    Since version 0.1.

    Example:
        >>> from pydantic_settings import BaseSettings
        >>> class NoSettings(BaseSettings):
        ...     pass
        >>> class AesGcm:
        ...     def encrypt(self, plaintext, *, key, context): ...
        ...     def decrypt(self, payload, *, key, context): ...
        >>> @hookimpl
        ... def nestegg_encryption_backends():
        ...     return [EncryptionBackendRegistration("aesgcm", NoSettings, lambda _: AesGcm())]
    """
    raise NotImplementedError


@hookspec
def nestegg_retention_policies(ctx: HookContext) -> Sequence[RetentionPolicyRegistration]:
    """Offer retention policies; `RETENTION_POLICIES` chooses.

    Since version 0.1.

    Example:
        >>> from pydantic_settings import BaseSettings
        >>> from nestegg_core import CommaList, Hold
        >>> class HoldSettings(BaseSettings):
        ...     legal_hold_organizations: CommaList = ()
        >>> class LegalHold:
        ...     def __init__(self, context):
        ...         self._held = frozenset(context.settings.legal_hold_organizations)
        ...
        ...     def decide(self, org_id, today):
        ...         return [Hold("transaction", "legal hold")] if str(org_id) in self._held else []
        >>> @hookimpl
        ... def nestegg_retention_policies():
        ...     return [RetentionPolicyRegistration("legal_hold", HoldSettings, LegalHold)]
    """
    raise NotImplementedError


@hookspec
def nestegg_metrics_exporters(ctx: HookContext) -> Sequence[MetricsExporterRegistration]:
    """Offer metrics exporters; `METRICS_EXPORTERS` chooses.

    Since version 0.1.

    Example:
        >>> from pydantic_settings import BaseSettings
        >>> class StatsdSettings(BaseSettings):
        ...     statsd_host: str = "127.0.0.1"
        >>> class Statsd:
        ...     def __init__(self, context): ...
        ...     def count(self, name, labels, amount=1): ...
        ...     def observe(self, name, labels, value): ...
        ...     def gauge(self, name, labels, value): ...
        >>> @hookimpl
        ... def nestegg_metrics_exporters():
        ...     return [MetricsExporterRegistration("statsd", StatsdSettings, Statsd)]
    """
    raise NotImplementedError


@hookspec
def nestegg_storages(ctx: HookContext) -> Sequence[StorageRegistration]:
    """Offer storages; the scheme of `DATABASE_URL` chooses.

    Since version 0.1.

    Example:
        >>> from pydantic import SecretStr
        >>> from pydantic_settings import BaseSettings
        >>> from nestegg_core.database import SqlStorage
        >>> class MariaDbSettings(BaseSettings):
        ...     database_url: SecretStr
        >>> class MariaDb(SqlStorage):
        ...     def __init__(self, context): ...
        >>> @hookimpl
        ... def nestegg_storages():
        ...     return [StorageRegistration("mariadb", ("mariadb",), MariaDbSettings, MariaDb)]
    """
    raise NotImplementedError


@hookspec
def nestegg_statement_importers(ctx: HookContext) -> Sequence[StatementImporterRegistration]:
    """Offer statement importers; what recognises the file is used.

    Since version 0.1.

    Example:
        >>> from pydantic_settings import BaseSettings
        >>> class NoSettings(BaseSettings):
        ...     pass
        >>> class Ofx:
        ...     def recognises(self, file): ...
        ...     def read(self, file, options): ...
        >>> @hookimpl
        ... def nestegg_statement_importers():
        ...     return [StatementImporterRegistration("ofx", NoSettings, lambda _: Ofx(), {})]
    """
    raise NotImplementedError


@hookspec
def nestegg_error_reporters(ctx: HookContext) -> Sequence[ErrorReporterRegistration]:
    """Offer error reporters; each is in force when its own settings ask for it.

    Since version 0.1.

    Example:
        >>> from pydantic_settings import BaseSettings
        >>> class BeaconSettings(BaseSettings):
        ...     beacon_dsn: str = ""
        >>> class Beacon:
        ...     def __init__(self, context): ...
        ...     def report(self, error, facts): ...
        >>> def asked_for(settings):
        ...     return bool(settings.beacon_dsn)
        >>> @hookimpl
        ... def nestegg_error_reporters():
        ...     return [ErrorReporterRegistration("beacon", BeaconSettings, Beacon, asked_for)]
    """
    raise NotImplementedError


@hookspec
def nestegg_health_checks(ctx: HookContext) -> Sequence[HealthCheckRegistration]:
    """Add checks to `/readyz`.

    Since version 0.1.

    Example:
        >>> from nestegg_core import Finding
        >>> def check_vault():
        ...     return [Finding("The vault is sealed", "unseal it: vault operator unseal")]
        >>> @hookimpl
        ... def nestegg_health_checks():
        ...     return [HealthCheckRegistration("vault", check_vault)]
    """
    raise NotImplementedError


@hookspec
def nestegg_jobs(ctx: HookContext) -> Sequence[JobRegistration]:
    """Add jobs and their schedules.

    Since version 0.1.

    Example:
        >>> def fetch_rates(arguments):
        ...     print("rates of", arguments.get("day", "today"))
        >>> @hookimpl
        ... def nestegg_jobs():
        ...     return [JobRegistration("fetch_rates", fetch_rates, schedule="0 6 * * *")]
    """
    raise NotImplementedError


@hookspec
def nestegg_commands(ctx: HookContext) -> Sequence[CommandRegistration]:
    """Add commands below `nestegg`.

    Since version 0.1.

    Example:
        >>> import click
        >>> @click.command("rates")
        ... def rates():
        ...     click.echo("EUR 1.00")
        >>> @hookimpl
        ... def nestegg_commands():
        ...     return [CommandRegistration(rates)]
    """
    raise NotImplementedError


@hookspec
def nestegg_routes(ctx: HookContext) -> Sequence[Route]:
    """Add endpoints below `/api/v1/x/<plugin>/`.

    Since version 0.1.

    Example:
        >>> from pydantic import BaseModel
        >>> class Budgets(BaseModel):
        ...     items: list[str]
        >>> def budgets(call):
        ...     return Budgets(items=[])
        >>> @hookimpl
        ... def nestegg_routes():
        ...     summary = "List budgets"
        ...     return [Route("GET", "/budgets", "accounts:read", None, Budgets, budgets, summary)]
    """
    raise NotImplementedError
