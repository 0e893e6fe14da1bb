"""The plugins that ship inside the core, registered through the same hooks as all others."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings
from sqlalchemy import make_url

from nestegg_core.contracts.context import PluginContext
from nestegg_core.contracts.encryption import EncryptionBackendRegistration
from nestegg_core.contracts.identity import IdentityProviderRegistration
from nestegg_core.contracts.importers import StatementImporterRegistration
from nestegg_core.contracts.metrics import MetricsExporterRegistration
from nestegg_core.contracts.retention import RetentionPolicyRegistration
from nestegg_core.contracts.storage import StorageRegistration
from nestegg_core.database.sqlite import SqliteStorage
from nestegg_core.encryption.fernet import FernetBackend
from nestegg_core.hookspecs import hookimpl
from nestegg_core.identity.builtin import BuiltinSettings, make_builtin
from nestegg_core.importers import CSV_OPTIONS, CsvImporter
from nestegg_core.observability.prometheus import PrometheusExporter
from nestegg_core.retention.age import AgeSettings, make_transaction_age


class NoSettings(BaseSettings):
    """For what has nothing to set."""


class SqliteSettings(BaseSettings):
    """Where the file is."""

    database_url: SecretStr = Field(description="sqlite:/// and the path of the file.")


def make_sqlite(ctx: PluginContext[SqliteSettings]) -> SqliteStorage:
    """Make the embedded storage; its file comes to be when it is first used."""
    path = make_url(ctx.settings.database_url.get_secret_value()).database
    return SqliteStorage(Path(path or ctx.home / "nestegg.sqlite3"))


@hookimpl
def nestegg_identity_providers() -> Sequence[IdentityProviderRegistration]:
    """Offer accounts with passwords."""
    return [IdentityProviderRegistration("builtin", BuiltinSettings, make_builtin)]


@hookimpl
def nestegg_encryption_backends() -> Sequence[EncryptionBackendRegistration]:
    """Offer Fernet."""
    return [EncryptionBackendRegistration("fernet", NoSettings, lambda _: FernetBackend())]


@hookimpl
def nestegg_retention_policies() -> Sequence[RetentionPolicyRegistration]:
    """Offer retention by age."""
    return [RetentionPolicyRegistration("transaction_age", AgeSettings, make_transaction_age)]


@hookimpl
def nestegg_metrics_exporters() -> Sequence[MetricsExporterRegistration]:
    """Offer Prometheus."""
    return [MetricsExporterRegistration("prometheus", NoSettings, lambda _: PrometheusExporter())]


@hookimpl
def nestegg_storages() -> Sequence[StorageRegistration]:
    """Offer the embedded database."""
    return [
        StorageRegistration(
            "sqlite", ("sqlite",), SqliteSettings, make_sqlite, migrates_itself=True
        )
    ]


@hookimpl
def nestegg_statement_importers() -> Sequence[StatementImporterRegistration]:
    """Offer statements as CSV."""
    return [
        StatementImporterRegistration(
            "csv", NoSettings, lambda _: CsvImporter(), options=CSV_OPTIONS
        )
    ]
