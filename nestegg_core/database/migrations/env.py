"""Alembic's entry point: on a storage's own connection, or bare (`alembic upgrade head`)."""

from alembic import context
from sqlalchemy import Connection

from nestegg_core.database.sql_storage import SqlStorage
from nestegg_core.database.tables import metadata
from nestegg_core.errors import ConfigurationError, Problem


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
    context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    from nestegg_core.application import start_background

    storage = start_background().storage
    if not isinstance(storage, SqlStorage):
        wrong = Problem("DATABASE_URL", "is no SQL database", "use: nestegg db upgrade")
        raise ConfigurationError([wrong])
    try:
        with storage.migrating() as opened:
            run(opened)
    finally:
        storage.dispose()
