"""What a plugin may register. Each hook is called once, at start-up, and returns registrations.

A hook takes `ctx` or nothing, and returns a sequence. What works at run time are the objects
that the registrations' factories make. All hooks exist since version 0.1.
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

    Example:
        @hookimpl
        def nestegg_identity_providers():
            return [IdentityProviderRegistration("okta", OktaSettings, make_okta)]
    """
    raise NotImplementedError


@hookspec
def nestegg_encryption_backends(ctx: HookContext) -> Sequence[EncryptionBackendRegistration]:
    """Offer encryption backends; `ENCRYPTION_BACKEND` chooses the one for new values.

    Example:
        @hookimpl
        def nestegg_encryption_backends():
            return [EncryptionBackendRegistration("aesgcm", NoSettings, AesGcm)]
    """
    raise NotImplementedError


@hookspec
def nestegg_retention_policies(ctx: HookContext) -> Sequence[RetentionPolicyRegistration]:
    """Offer retention policies; `RETENTION_POLICIES` chooses.

    Example:
        @hookimpl
        def nestegg_retention_policies():
            return [RetentionPolicyRegistration("legal_hold", HoldSettings, LegalHold)]
    """
    raise NotImplementedError


@hookspec
def nestegg_metrics_exporters(ctx: HookContext) -> Sequence[MetricsExporterRegistration]:
    """Offer metrics exporters; `METRICS_EXPORTERS` chooses.

    Example:
        @hookimpl
        def nestegg_metrics_exporters():
            return [MetricsExporterRegistration("statsd", StatsdSettings, Statsd)]
    """
    raise NotImplementedError


@hookspec
def nestegg_storages(ctx: HookContext) -> Sequence[StorageRegistration]:
    """Offer storages; the scheme of `DATABASE_URL` chooses.

    Example:
        @hookimpl
        def nestegg_storages():
            return [StorageRegistration("postgresql", ("postgresql",), PgSettings, make_storage)]
    """
    raise NotImplementedError


@hookspec
def nestegg_statement_importers(ctx: HookContext) -> Sequence[StatementImporterRegistration]:
    """Offer statement importers; what recognises the file is used.

    Example:
        @hookimpl
        def nestegg_statement_importers():
            return [StatementImporterRegistration("ofx", NoSettings, make_ofx, options={})]
    """
    raise NotImplementedError


@hookspec
def nestegg_error_reporters(ctx: HookContext) -> Sequence[ErrorReporterRegistration]:
    """Offer error reporters; each is in force when its own settings ask for it.

    Example:
        @hookimpl
        def nestegg_error_reporters():
            return [ErrorReporterRegistration("sentry", SentrySettings, Sentry, has_dsn)]
    """
    raise NotImplementedError


@hookspec
def nestegg_health_checks(ctx: HookContext) -> Sequence[HealthCheckRegistration]:
    """Add checks to `/readyz`.

    Example:
        @hookimpl
        def nestegg_health_checks():
            return [HealthCheckRegistration("vault", check_vault)]
    """
    raise NotImplementedError


@hookspec
def nestegg_jobs(ctx: HookContext) -> Sequence[JobRegistration]:
    """Add jobs and their schedules.

    Example:
        @hookimpl
        def nestegg_jobs():
            return [JobRegistration("fetch_rates", fetch_rates, schedule="0 6 * * *")]
    """
    raise NotImplementedError


@hookspec
def nestegg_commands(ctx: HookContext) -> Sequence[CommandRegistration]:
    """Add commands below `nestegg`.

    Example:
        @hookimpl
        def nestegg_commands():
            return [CommandRegistration(rates)]
    """
    raise NotImplementedError


@hookspec
def nestegg_routes(ctx: HookContext) -> Sequence[Route]:
    """Add endpoints below `/api/v1/x/<plugin>/`.

    Example:
        @hookimpl
        def nestegg_routes():
            return [Route("GET", "/budgets", "accounts:read", None, Budgets, list_budgets,
                          summary="List budgets")]
    """
    raise NotImplementedError
