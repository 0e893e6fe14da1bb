"""The application's role: it has data rights only, so row-level security holds it."""

from dataclasses import dataclass, field

from psycopg import sql
from sqlalchemy import Connection, text

from nestegg_core import MigrationError

_EXISTS = text("SELECT 1 FROM pg_roles WHERE rolname = :name")
_MAY_CREATE = text("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")

_GRANTS = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public "
        "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}"
    ),
    # Only the owner moves the schema: the application may see where it stands.
    "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
)


@dataclass(frozen=True, slots=True)
class Role:
    """A role that logs in.

    Attributes:
        password: `None` where the server lets it in otherwise (a socket, a certificate).
    """

    name: str
    password: str | None = field(default=None, repr=False)


def ensure_role(connection: Connection, role: Role) -> None:
    """Make the role if it is missing, and give it its rights; what is there already stays.

    Args:
        connection: as the owner of the schema, in a transaction.

    Raises:
        MigrationError: the role is missing and the owner may not make it.
    """
    if connection.execute(_EXISTS, {"name": role.name}).first() is None:
        if not connection.execute(_MAY_CREATE).scalar():
            raise MigrationError(
                f"The application's role {role.name} does not exist and the owner may not make "
                f"it. As a superuser: CREATE ROLE {role.name} LOGIN PASSWORD '...'; then again."
            )
        _create(connection, role)
    for grant in _GRANTS:
        _run(connection, sql.SQL(grant).format(role=sql.Identifier(role.name)))


def _create(connection: Connection, role: Role) -> None:
    statement = sql.SQL(
        "CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"
    ).format(role=sql.Identifier(role.name))
    if role.password:
        # Hashed on this side, so that the password stands in no log of the server's.
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101 - an open connection has one
        hashed = driver.pgconn.encrypt_password(
            role.password.encode(), role.name.encode(), b"scram-sha-256"
        )
        statement += sql.SQL(" PASSWORD {}").format(sql.Literal(hashed.decode()))
    _run(connection, statement)


def _run(connection: Connection, statement: sql.Composable) -> None:
    # The driver looks for placeholders, and a name may have a percent sign in it.
    connection.exec_driver_sql(statement.as_string(None).replace("%", "%%"))
