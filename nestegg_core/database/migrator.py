"""Runs the one line of migrations on a connection that a storage has opened and locked."""

from functools import cache

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from nestegg_core.errors import MigrationError

_ANOTHER_RELEASE = "install that release, or restore a backup"


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "nestegg_core:database/migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """Return the newest migration that this code knows."""
    revision = _scripts().get_current_head()
    assert revision is not None  # noqa: S101 - the package always ships migrations
    return revision


def history() -> list[tuple[str, str]]:
    """Return every migration and its one-line description, the newest first."""
    return [(script.revision, script.doc) for script in _scripts().walk_revisions()]


def current_revision(connection: Connection) -> str | None:
    """Return the migration that the database stands at; `None` when it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def way_to_head(revision: str | None) -> str:
    """Say what brings a database to head that is not there, or this release to the database.

    Example:
        >>> way_to_head(None)
        'nestegg db upgrade'
    """
    return _ANOTHER_RELEASE if _is_unknown(revision) else "nestegg db upgrade"


def not_at_head(revision: str | None) -> str:
    """Say it to whoever needs the tables."""
    if _is_unknown(revision):
        return _refusal(revision)
    return f"The database is not at the newest migration. Run: {way_to_head(revision)}"


def _refusal(revision: str | None) -> str:
    return (
        f"The database stands at migration {revision}, which this release does not know: "
        f"a newer release has migrated it. {_ANOTHER_RELEASE.capitalize()}."
    )


def _is_unknown(revision: str | None) -> bool:
    return revision is not None and revision not in {name for name, _ in history()}


def refuse_unknown(revision: str | None) -> None:
    """Refuse a database that stands at a migration which this code does not know.

    Raises:
        MigrationError: a newer release has been here.
    """
    if _is_unknown(revision):
        raise MigrationError(_refusal(revision))


def upgrade(connection: Connection, revision: str) -> None:
    """Migrate on a connection that already is in a transaction and holds the lock."""
    command.upgrade(_config(connection), revision)
