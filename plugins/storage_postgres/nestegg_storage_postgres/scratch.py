"""Databases for a while: made with a name that nobody has, and dropped whatever happens."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import LiteralString

from psycopg import Error, sql
from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from nestegg_core import ConfigurationError, Problem, StorageUnavailable

PREFIX = "nestegg_scratch_"
_MOMENT = "%Y%m%d%H%M"
_LEFT_BEHIND = timedelta(hours=25)
"""Longer than a job may take: whoever made an older one was killed before it was dropped."""

_NO_RIGHT = "42501"
_IN_USE = "55006"
_LOCALE = text("SELECT datcollate, datctype FROM pg_database WHERE datname = current_database()")
_OURS = text("SELECT datname FROM pg_database WHERE datname LIKE :pattern")


@contextmanager
def scratch_database(url: URL) -> Iterator[URL]:
    """Make an empty database beside another one, and drop it in the end.

    Args:
        url: of a database, as a role that may make others.

    Raises:
        ConfigurationError: the role may not.
        StorageUnavailable: the server cannot be reached.
    """
    engine = create_engine(
        url, poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True
    )
    name = f"{PREFIX}{datetime.now(UTC):{_MOMENT}}_{secrets.token_hex(6)}"
    try:
        with engine.connect() as connection:
            _drop_left_behind(connection)
            connection.exec_driver_sql(_alike(connection, name))
    except DBAPIError as error:
        raise _refused(url, error.orig) from None
    try:
        yield url.set(database=name)
    finally:
        with engine.connect() as connection:
            _drop(connection, name)


def _alike(connection: Connection, name: str) -> str:
    """Return the statement for a database in UTF8 with the locale of the one that we are in: the
    server's own may be of another encoding.
    """
    locale = connection.execute(_LOCALE).one()
    statement = sql.SQL(
        "CREATE DATABASE {} ENCODING 'UTF8' LC_COLLATE {} LC_CTYPE {} TEMPLATE template0"
    )
    names = (sql.Identifier(name), sql.Literal(locale.datcollate), sql.Literal(locale.datctype))
    return statement.format(*names).as_string(None)


def _drop_left_behind(connection: Connection) -> None:
    limit = f"{PREFIX}{datetime.now(UTC) - _LEFT_BEHIND:{_MOMENT}}"
    for name in connection.execute(_OURS, {"pattern": f"{PREFIX}%"}).scalars().all():
        if name < limit:
            _drop(connection, name)


def _drop(connection: Connection, name: str) -> None:
    """Drop a database, and end whoever of ours is still in it.

    Not by force at first: that needs a right over the server's own vacuum, which the plain way
    asks to leave.
    """
    try:
        _run(connection, "DROP DATABASE IF EXISTS {}", name)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _IN_USE:
            raise
        _run(connection, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _run(connection: Connection, statement: LiteralString, name: str) -> None:
    composed = sql.SQL(statement).format(sql.Identifier(name))
    connection.exec_driver_sql(composed.as_string(None))


def _refused(url: URL, error: BaseException | None) -> Exception:
    if isinstance(error, Error) and error.sqlstate == _NO_RIGHT:
        role = sql.Identifier(url.username or "nestegg").as_string(None)
        return ConfigurationError(
            [
                Problem(
                    "DATABASE_ADMIN_URL",
                    "names a role that may not make the scratch database which verifies a backup",
                    f"as a superuser: ALTER ROLE {role} CREATEDB",
                )
            ]
        )
    return StorageUnavailable("The database server made no scratch database.")
