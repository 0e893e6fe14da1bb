"""What may happen to commands: several at once, or a disk without room."""

import resource
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

from benchmarks.faults.report import Report
from benchmarks.faults.scene import NESTEGG, environ, scene
from benchmarks.faults.verdict import unbalanced
from benchmarks.servers import APPLICATION, OWNER, running_postgres

MIGRATORS = 5
SMALL_DISK = 20_000
"""Bytes that a file may have."""


def migrators_at_once() -> Report:
    """Migrate one empty database by several commands at the same moment."""
    with running_postgres() as postgres, tempfile.TemporaryDirectory() as home:
        postgres.create_database("migrated")
        variables = {
            "ENVIRONMENT": "test",
            "NESTEGG_HOME": home,
            "DATABASE_URL": postgres.url("migrated", APPLICATION),
            "DATABASE_ADMIN_URL": postgres.url("migrated", OWNER),
        }
        with ThreadPoolExecutor(MIGRATORS) as pool:
            command = [NESTEGG, "db", "upgrade"]
            codes = list(pool.map(lambda _: _run(command, variables), range(MIGRATORS)))
        checked = _run([NESTEGG, "db", "check"], variables)
        with psycopg.connect(variables["DATABASE_ADMIN_URL"]) as connection:
            heads = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return Report(
        fault=f"{MIGRATORS} migrators at once",
        asked=MIGRATORS,
        lost=0,
        doubled=len(heads) - 1,
        half_done=int(checked != 0),
        failed=sum(code != 0 for code in codes),
        recovery=None,
        notes="one made the tables, the others found them",
    )


def disk_full_during_backup() -> Report:
    """Make a backup where no file may grow beyond a few bytes, then one with room again."""
    with running_postgres() as postgres, scene(postgres) as it:
        folder = Path(it.variables["NESTEGG_HOME"]) / "backups"
        folder.mkdir()
        command = [NESTEGG, "backup", "create", "--to", str(folder)]
        refused = _run(command, it.variables, small_disk=True)
        left = len(list(folder.iterdir()))
        made = _run(command, it.variables)
        verified = [
            _run([NESTEGG, "backup", "verify", str(one)], it.variables) for one in _files(folder)
        ]
        return Report(
            fault="disk full during a backup",
            asked=2,
            lost=int(made != 0) + int(verified != [0]),
            doubled=0,
            half_done=left + int(refused == 0) + unbalanced(it),
            failed=int(refused != 0),
            recovery=None,
            notes="the first was refused and left no file, the second was made and verified",
        )


def _files(folder: Path) -> Sequence[Path]:
    return [one for one in folder.iterdir() if one.suffix == ".backup"]


def _run(command: Sequence[str], variables: Mapping[str, str], *, small_disk: bool = False) -> int:
    return subprocess.run(
        command,
        # Python does not notice that a compiled file was cut off, and would fail on it ever after.
        env={**environ(variables), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=120,
        preexec_fn=_limit_files if small_disk else None,
    ).returncode


def _limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_DISK, SMALL_DISK))
