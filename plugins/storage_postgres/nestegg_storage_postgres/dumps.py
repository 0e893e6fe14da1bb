"""Dumps of one moment, and their restoring in one transaction."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from shutil import copyfileobj
from threading import Thread
from typing import IO

from sqlalchemy import URL, Connection, text

from nestegg_core import ConfigurationError, NestEggError, Problem, Transaction
from nestegg_storage_postgres.tools import Tools, arguments, failed

_CHUNK = 1 << 20
_EXPORT = text("SELECT pg_export_snapshot()")
_VERSION = text("SELECT current_setting('server_version_num')::int / 10000")
_TABLES = text(
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY c.relname"
)
_KEPT_OUT = text(
    "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') "
    "AND (row_security_active(c.oid) OR NOT has_table_privilege(c.oid, 'SELECT')) LIMIT 1"
)
_EMPTY = """\
BEGIN;
SET LOCAL lock_timeout = '30s';
SELECT pg_advisory_xact_lock(hashtextextended('nestegg migrations', 0));
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT format('%I.%I', n.nspname, c.relname) AS name,
               CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                              WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
          AND NOT EXISTS (
              SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'e', 'i'))
    LOOP
        EXECUTE format('DROP %s IF EXISTS %s CASCADE', found.kind, found.name);
    END LOOP;
END $$;
"""
_TOO_NEW = b"SET transaction_timeout = 0;\n"
"""Programs of version 17 write it, and servers before 17 do not know it."""

_KNOWS_IT = 17
_HEAD_LINES = 40


class PostgresSnapshot:
    """Fulfils `nestegg_core.Snapshot`.

    Args:
        transaction: as the owner of the tables, whom row-level security does not hold.
        connection: the transaction's.
        url: where pg_dump connects, as the owner too.
    """

    def __init__(
        self, transaction: Transaction, connection: Connection, url: URL, tools: Tools
    ) -> None:
        self.transaction = transaction
        self._connection = connection
        self._url = url
        self._tools = tools

    @property
    def tables(self) -> Sequence[str]:
        """Names of the tables that are there."""
        return list(self.transaction.execute(_TABLES).scalars())

    def dump(self, target: IO[bytes]) -> None:
        """Write a dump in pg_dump's custom format, of what the transaction sees."""
        program = self._tools.path("pg_dump", server_version(self._connection))
        where, environment = arguments(self._url)
        snapshot = self._connection.execute(_EXPORT).scalar_one()
        options = ["--format=custom", "--no-password", f"--snapshot={snapshot}"]
        with _said() as errors:
            with subprocess.Popen(  # noqa: S603 - our own arguments
                [program, *options, *where], stdout=subprocess.PIPE, stderr=errors, env=environment
            ) as process:
                assert process.stdout is not None  # noqa: S101 - it was asked for
                try:
                    copyfileobj(process.stdout, target, _CHUNK)
                except BaseException:
                    process.kill()
                    raise
            if process.returncode:
                raise failed("pg_dump", process.returncode, _read(errors))


def refuse_lesser_role(connection: Connection) -> None:
    """Refuse a role that row-level security holds, or that may not read every table.

    Raises:
        ConfigurationError: a dump by this role would leave rows out.
    """
    if connection.execute(_KEPT_OUT).first() is not None:
        what = "names a role that does not see every row, so it cannot back them up"
        fix = "set it to the URL of the role that owns the tables"
        raise ConfigurationError([Problem("DATABASE_ADMIN_URL", what, fix)])


def server_version(connection: Connection) -> int:
    """Return the major version of the server."""
    return int(connection.execute(_VERSION).scalar_one())


def restore(source: IO[bytes], url: URL, tools: Tools, server: int) -> None:
    """Put a dump in the place of every table of the schema `public`, in one transaction.

    pg_restore writes SQL to psql, which runs it between BEGIN and COMMIT. COMMIT is sent only when
    pg_restore has ended well: what is cut off, killed or refused leaves the old state.

    Args:
        source: a dump in pg_dump's custom format.
        url: where to, as the owner.
        server: major version of the server.

    Raises:
        ConfigurationError: a program is missing, or too old.
        NestEggError: the dump was refused by a program or by the server.
    """
    reader, writer = (tools.path(name, server) for name in ("pg_restore", "psql"))
    where, environment = arguments(url)
    read = [reader, "--no-owner", "--no-privileges", "--no-comments", "--file=-"]
    # Quiet, without the user's psqlrc; the script ends at the first error.
    write = [writer, "-X", "-q", "-w", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", *where]
    pipe = subprocess.PIPE
    with _said() as read_errors, _said() as write_errors:
        with (
            subprocess.Popen(  # noqa: S603 - our own arguments
                write, stdin=pipe, stderr=write_errors, env=environment
            ) as into,
            subprocess.Popen(  # noqa: S603 - likewise
                read, stdin=pipe, stdout=pipe, stderr=read_errors
            ) as out,
        ):
            try:
                _run_script(source, out, into, knows_timeout=server >= _KNOWS_IT)
            except BaseException:
                out.kill()
                into.kill()
                raise
        if into.returncode:
            raise failed("psql", into.returncode, _read(write_errors))
        if out.returncode:
            raise failed("pg_restore", out.returncode, _read(read_errors))


def _run_script(
    source: IO[bytes],
    out: "subprocess.Popen[bytes]",
    into: "subprocess.Popen[bytes]",
    *,
    knows_timeout: bool,
) -> None:
    assert out.stdin is not None  # noqa: S101 - they were asked for
    assert out.stdout is not None  # noqa: S101
    assert into.stdin is not None  # noqa: S101
    problems: list[OSError | ValueError] = []
    feeder = Thread(target=_feed, args=(source, out.stdin, problems), daemon=True)
    feeder.start()
    with suppress(BrokenPipeError):  # psql has ended: it says why
        into.stdin.write(_EMPTY.encode())
        for _ in range(_HEAD_LINES):
            line = out.stdout.readline()
            if line != _TOO_NEW or knows_timeout:
                into.stdin.write(line)
        copyfileobj(out.stdout, into.stdin, _CHUNK)
    out.stdout.close()
    feeder.join()
    if problems:
        raise NestEggError("The backup file cannot be read.") from problems[0]
    if out.wait() == 0:
        with suppress(BrokenPipeError):
            into.stdin.write(b"\nCOMMIT;\n")
    with suppress(BrokenPipeError):
        into.stdin.close()


def _feed(source: IO[bytes], target: IO[bytes], problems: list[OSError | ValueError]) -> None:
    try:
        with suppress(BrokenPipeError), target:  # pg_restore has ended: it says why
            copyfileobj(source, target, _CHUNK)
    except (OSError, ValueError) as error:
        problems.append(error)


@contextmanager
def _said() -> Iterator[IO[bytes]]:
    """Give a file for what a program says: a pipe that nobody reads would hold it up."""
    with tempfile.TemporaryFile() as file:
        yield file


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_CHUNK).decode(errors="replace")
