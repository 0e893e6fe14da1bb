"""The plugins that ship inside the core, registered through the same hooks as all others.

Factories import what only some processes need: workers verify no tokens and read no statements.
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings
from sqlalchemy import make_url

from nestegg_core.auth.builtin import BuiltinSettings
from nestegg_core.contracts.context import PluginContext
from nestegg_core.contracts.encryption import EncryptionBackendRegistration
from nestegg_core.contracts.identity import IdentityProvider, IdentityProviderRegistration
from nestegg_core.contracts.importers import StatementImporter, StatementImporterRegistration
from nestegg_core.contracts.metrics import MetricsExporterRegistration
from nestegg_core.contracts.retention import RetentionPolicyRegistration
from nestegg_core.contracts.storage import StorageRegistration
from nestegg_core.database.sqlite import SqliteStorage
from nestegg_core.encryption.fernet import FernetBackend
from nestegg_core.hookspecs import hookimpl
from nestegg_core.importers.csv.options import CSV_OPTIONS
from nestegg_core.observability.prometheus import PrometheusExporter
from nestegg_core.retention.policy import AgeSettings, make_transaction_age


class NoSettings(BaseSettings):
    """For what has nothing to set."""


class SqliteSettings(BaseSettings):
    """Where the file is."""

    database_url: SecretStr = Field(description="sqlite:/// and the path of the file.")


def make_sqlite(ctx: PluginContext[SqliteSettings]) -> SqliteStorage:
    """Make the embedded storage; its file, and the data folder, come to be at first use."""
    path = make_url(ctx.settings.database_url.get_secret_value()).database
    file = Path(path or ctx.home / "nestegg.sqlite3").absolute()
    return SqliteStorage(file, makes_folder=file.parent == ctx.home)


def make_provider(ctx: PluginContext[BuiltinSettings]) -> IdentityProvider:
    """Make the provider of accounts with passwords."""
    from nestegg_core.auth.builtin.provider import make_builtin  # noqa: PLC0415

    return make_builtin(ctx)


def make_csv(_: PluginContext[NoSettings]) -> StatementImporter:
    """Make the CSV importer."""
    from nestegg_core.importers.csv.importer import CsvImporter  # noqa: PLC0415

    return CsvImporter()


@hookimpl
def nestegg_identity_providers() -> Sequence[IdentityProviderRegistration]:
    """Offer accounts with passwords."""
    return [IdentityProviderRegistration("builtin", BuiltinSettings, make_provider)]


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
    return [StatementImporterRegistration("csv", NoSettings, make_csv, options=CSV_OPTIONS)]
