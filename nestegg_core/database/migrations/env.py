"""Alembic's entry point: on a storage's own connection, or bare (`alembic upgrade head`)."""

from alembic import context
from sqlalchemy import Connection

from nestegg_core.database.tables import metadata


def run(connection: Connection) -> None:
    """Run the asked-for migrations in the transaction that the connection is in."""
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
    context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    from nestegg_core.application import open_sql_storage

    storage = open_sql_storage()
    try:
        with storage.migrating() as opened:
            run(opened)
    finally:
        storage.dispose()
