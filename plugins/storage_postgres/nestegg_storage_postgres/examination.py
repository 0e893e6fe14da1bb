"""What an operator should know about the running server, for `nestegg doctor`."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from nestegg_core import ConfigurationError, Diagnosis, Transaction
from nestegg_storage_postgres.tools import TOOLS, Tools

MOST_DRIFT = timedelta(seconds=5)
"""Leases of jobs compare the clocks of machines, and are 30 seconds long."""

_SERVER = text(
    """
    SELECT clock_timestamp() AS now,
           current_setting('max_connections')::int
             - current_setting('superuser_reserved_connections')::int AS connections,
           (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS tls
    """
)
_OWNER = text(
    "SELECT rolcreatedb OR rolsuper AS makes_databases, current_user AS name, "
    "current_setting('server_version_num')::int / 10000 AS version "
    "FROM pg_roles WHERE rolname = current_user"
)
_NOT_ENCRYPTED = Diagnosis(
    "warning",
    "The connection to the database is not encrypted",
    "whoever is on the way reads every row and the password's exchange",
    "add ?sslmode=require (better: verify-full) to DATABASE_URL, and switch TLS on in the server: "
    "ssl = on",
)


def examine_connection(
    transaction: Transaction, demand: int, *, private: bool
) -> Sequence[Diagnosis]:
    """Look at the connection as the application.

    Args:
        transaction: as the application's role.
        demand: connections that all processes may open together.
        private: whether nobody else is on the way, so that TLS is not needed.
    """
    before = datetime.now(UTC)
    server = transaction.execute(_SERVER).one()
    return [
        *_clock(server.now, before, datetime.now(UTC)),
        *([] if server.tls or private else [_NOT_ENCRYPTED]),
        *_connections(demand, server.connections),
    ]


def examine_admin(connection: Connection, tools: Tools) -> Iterator[Diagnosis]:
    """Look at the owner's rights, and at the programs that backups need."""
    owner = connection.execute(_OWNER).one()
    if not owner.makes_databases:
        yield Diagnosis(
            "warning",
            f"The role {owner.name} of DATABASE_ADMIN_URL may not make databases",
            "`nestegg backup verify` verifies a backup in a scratch database",
            f'as a superuser: ALTER ROLE "{owner.name}" CREATEDB',
        )
    try:
        for name in TOOLS:
            tools.path(name, owner.version)
    except ConfigurationError as error:
        [problem] = error.problems
        yield Diagnosis(
            "warning",
            f"Backups cannot be made: {problem.what}",
            "`nestegg backup` calls PostgreSQL's own programs",
            problem.fix,
        )


def _clock(server: datetime, before: datetime, after: datetime) -> Iterator[Diagnosis]:
    drift = max(before - server, server - after)
    if drift > MOST_DRIFT:
        seconds = round(drift.total_seconds())
        yield Diagnosis(
            "warning",
            f"The clocks of this machine and of the database differ by {seconds} seconds",
            "tokens, leases of jobs and schedules compare moments",
            "keep both by NTP: timedatectl set-ntp true",
        )


def _connections(demand: int, there: int) -> Iterator[Diagnosis]:
    if demand > there:
        yield Diagnosis(
            "warning",
            f"All processes may open {demand} connections together; the database takes {there}",
            "under load, requests beyond that are answered 503",
            "set DB_POOL_SIZE, DB_MAX_OVERFLOW or WEB_CONCURRENCY lower, or max_connections higher",
        )
