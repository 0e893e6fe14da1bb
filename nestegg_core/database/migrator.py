"""Runs the one line of migrations on a connection that a storage has opened and locked.

Alembic is imported when something is migrated: it takes eight megabytes, and a server, a worker or
a scheduler at rest only asks which migration there is.
"""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from nestegg_core.errors import MigrationError

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

_ANOTHER_RELEASE = "install that release, or restore a backup"
_TABLE = "alembic_version"
_REVISION = re.compile(r'^(revision|down_revision)\b[^=\n]*= "(\w+)"', re.MULTILINE)


def _folder() -> Path:
    return Path(__file__).with_name("migrations")


@cache
def _known(folder: Path) -> frozenset[tuple[str, str]]:
    """What the scripts call themselves and what they are built upon: pairs of kind and revision."""
    scripts = (folder / "versions").glob("*.py")
    return frozenset(
        pair for script in scripts for pair in _REVISION.findall(script.read_text(encoding="utf-8"))
    )


def _revisions(kind: str) -> set[str]:
    return {revision for name, revision in _known(_folder()) if name == kind}


def _scripts() -> "ScriptDirectory":
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see this file's head

    return ScriptDirectory.from_config(_config())


def _config(connection: Connection | None = None) -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - see this file's head

    config = Config()
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """The newest migration that this code knows: the one that none is built upon."""
    (newest,) = _revisions("revision") - _revisions("down_revision")
    return newest


def history() -> list[tuple[str, str]]:
    """Every migration and its one-line description, the newest first."""
    return [(script.revision, script.doc) for script in _scripts().walk_revisions()]


def current_revision(connection: Connection) -> str | None:
    """`None` when the database is empty."""
    if not inspect(connection).has_table(_TABLE):
        return None
    revision: str | None = connection.scalar(text(f"SELECT version_num FROM {_TABLE}"))  # noqa: S608
    return revision


def way_to_head(revision: str | None) -> str:
    """What brings a database to head, or this release to the database."""
    return _ANOTHER_RELEASE if _is_unknown(revision) else "nestegg db upgrade"


def not_at_head(revision: str | None) -> str:
    if _is_unknown(revision):
        return _refusal(revision)
    return f"The database is not at the newest migration. Run: {way_to_head(revision)}"


def _refusal(revision: str | None) -> str:
    return (
        f"The database stands at migration {revision}, which this release does not know: "
        f"a newer release has migrated it. {_ANOTHER_RELEASE.capitalize()}."
    )


def _is_unknown(revision: str | None) -> bool:
    return revision is not None and revision not in _revisions("revision")


def refuse_unknown(revision: str | None) -> None:
    if _is_unknown(revision):
        raise MigrationError(_refusal(revision))


def upgrade(connection: Connection, revision: str) -> None:
    """Migrate on a connection that already is in a transaction and holds the lock."""
    from alembic import command  # noqa: PLC0415 - see this file's head

    command.upgrade(_config(connection), revision)
