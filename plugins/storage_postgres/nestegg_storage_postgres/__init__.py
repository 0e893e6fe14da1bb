"""PostgreSQL for Nest Egg: psycopg 3, a pool for each process, and row-level security."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from nestegg_core import PluginContext, StorageRegistration, hookimpl
from nestegg_storage_postgres.storage import PostgresStorage


class PostgresSettings(BaseSettings):
    """What the storage needs to know."""

    database_url: SecretStr = Field(
        description="Where the data is, as the application's role: postgresql://user:pass@host/db."
    )
    database_admin_url: SecretStr | None = Field(
        default=None,
        description="The same database as the owner of the schema, for migrations, backups and "
        "restores. Default: DATABASE_URL.",
    )
    db_pool_size: int = Field(
        default=20, ge=1, description="Connections that each process keeps open."
    )
    db_max_overflow: int = Field(
        default=10, ge=0, description="Connections that each process may open beyond its pool."
    )
    db_pool_timeout_seconds: int = Field(
        default=5,
        ge=1,
        description="Seconds that a request waits for a connection when all are in use; then it "
        "is answered 503.",
    )
    db_statement_seconds: int = Field(
        default=60,
        ge=0,
        description="Seconds that one statement may take, waiting for locks included; then it is "
        "cancelled and its request answered 503. 0: no limit.",
    )
    pg_bin: Path | None = Field(
        default=None,
        description="Folder with PostgreSQL's pg_dump, pg_restore and psql, for `nestegg backup`; "
        "not older than the server. Default: those on PATH.",
    )


def make_storage(ctx: PluginContext[PostgresSettings]) -> PostgresStorage:
    """Make the storage; it connects when it is first used."""
    url = ctx.settings.database_url.get_secret_value()
    admin = ctx.settings.database_admin_url
    return PostgresStorage(
        url,
        admin_url=admin.get_secret_value() if admin else url,
        pool_size=ctx.settings.db_pool_size,
        max_overflow=ctx.settings.db_max_overflow,
        pool_timeout=ctx.settings.db_pool_timeout_seconds,
        statement_seconds=ctx.settings.db_statement_seconds,
        pg_bin=ctx.settings.pg_bin,
    )


@hookimpl
def nestegg_storages() -> Sequence[StorageRegistration]:
    """Offer PostgreSQL for `postgresql://` URLs."""
    return [StorageRegistration("postgresql", ("postgresql",), PostgresSettings, make_storage)]
