"""pg_dump, pg_restore and psql: found, of a good version, and called without secrets in sight."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from nestegg_core import ConfigurationError, NestEggError, Problem

TOOLS = ("pg_dump", "pg_restore", "psql")
CONNECT_SECONDS = "5"
_MAJOR = re.compile(r"\(PostgreSQL\) (\d+)")
_INSTALL = (
    "install PostgreSQL's client programs of version {major} or newer (Debian: apt install "
    "postgresql-client-{major}), or set PG_BIN to the folder that has them"
)
_VERSION_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Tools:
    """PostgreSQL's client programs.

    Attributes:
        folder: where they are; `None` for those on PATH.
    """

    folder: Path | None

    def path(self, name: str, server: int) -> str:
        """Return a program that can talk to a server.

        Args:
            name: one of `TOOLS`.
            server: major version of the server; an older program than that cannot dump it.

        Raises:
            ConfigurationError: it is missing, or too old.
        """
        found = shutil.which(name, path=str(self.folder) if self.folder else None)
        if found is None:
            where = "in PG_BIN" if self.folder else "on PATH"
            raise _unfit(f"{name} is not {where}", server)
        version = _version(found)
        if version < server:
            what = f"{found} is of version {version}, older than the server's, which is {server}"
            raise _unfit(what, server)
        return found


def arguments(url: URL) -> tuple[list[str], dict[str, str]]:
    """Return what tells a program where to connect: arguments, and an environment with secrets.

    Raises:
        ConfigurationError: a secret cannot be handed over unseen.
    """
    if "sslpassword" in url.query:
        fix = "use a key file without a password, readable by this user alone"
        what = "has an sslpassword, which cannot be handed to pg_dump unseen by others"
        raise ConfigurationError([Problem("DATABASE_ADMIN_URL", what, fix)])
    password = url.password or url.query.get("password")
    query = {name: value for name, value in url.query.items() if name != "password"}
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database, query)
    environment = {**os.environ, "LC_ALL": "C", "PGCONNECT_TIMEOUT": CONNECT_SECONDS}
    if isinstance(password, str):
        environment["PGPASSWORD"] = password
    return [f"--dbname={plain.render_as_string(hide_password=False)}"], environment


def failed(name: str, code: int, said: str) -> NestEggError:
    """Return the error for a program that failed, with the first line of what it said."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = next((line for line in lines if "error" in line.lower()), lines[0] if lines else "")
    how = f"was ended by signal {-code}" if code < 0 else f"failed with code {code}"
    return NestEggError(f"{name} {how}{': ' if told else '.'}{told}")


def _version(program: str) -> int:
    try:
        said = subprocess.run(  # noqa: S603 - our own arguments
            [program, "--version"],
            capture_output=True,
            text=True,
            check=True,
            timeout=_VERSION_SECONDS,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        said = ""
    found = _MAJOR.search(said)
    if found is None:
        fix = "correct PG_BIN: it is the folder of PostgreSQL's client programs"
        raise ConfigurationError([Problem("PG_BIN", f"{program} does not tell a version", fix)])
    return int(found[1])


def _unfit(what: str, server: int) -> ConfigurationError:
    return ConfigurationError([Problem("PG_BIN", what, _INSTALL.format(major=server))])
