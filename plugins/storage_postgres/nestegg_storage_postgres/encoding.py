"""Only databases in UTF8: in another encoding most names of users and shops cannot be stored."""

from typing import Any

from psycopg import sql
from sqlalchemy import URL, Engine, event

from nestegg_core import ConfigurationError, Problem

UTF8 = "UTF8"


def require_utf8(engine: Engine, variable: str) -> Engine:
    """Let an engine connect to databases in UTF8 alone, and return it.

    The server tells its encoding when it lets a client in, so asking costs nothing. It is looked
    at before SQLAlchemy sees the connection: from a database in SQL_ASCII it gets bytes where it
    expects texts.

    Args:
        engine: that has not connected yet.
        variable: which its URL stands in.
    """

    def connected(dialect: Any, _record: Any, args: Any, parameters: Any) -> Any:
        connection = dialect.connect(*args, **parameters)
        told = connection.pgconn.parameter_status(b"server_encoding")
        if told is None or told.decode() == UTF8:  # a pooler in between may not tell
            return connection
        connection.close()
        raise refused(engine.url, told.decode(), variable)

    event.listen(engine, "do_connect", connected)
    return engine


def refused(url: URL, encoding: str, variable: str) -> ConfigurationError:
    """Return the error for a database in another encoding, with the statement that mends it."""
    database, owner = (
        sql.Identifier(name).as_string(None)
        for name in (f"{url.database}_utf8", url.username or "nestegg")
    )
    owner = owner if variable == "DATABASE_ADMIN_URL" else "<the role of DATABASE_ADMIN_URL>"
    return ConfigurationError(
        [
            Problem(
                variable,
                f"names a database in the encoding {encoding}, and Nest Egg needs {UTF8}",
                f"as a superuser: CREATE DATABASE {database} OWNER {owner} ENCODING '{UTF8}' "
                "TEMPLATE template0 (with LOCALE 'C' behind it where the server's locale is of "
                f"another encoding); then name that one in {variable}",
            )
        ]
    )
