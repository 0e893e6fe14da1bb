"""`nestegg backup`: files that verify themselves, and restores that ask first."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import update

from nestegg_core.application import Runtime, start
from nestegg_core.backups.store import list_backups
from nestegg_core.database import in_org
from nestegg_core.database.tables import accounts
from nestegg_core.demo import fill
from nestegg_core.settings import Environment
from support.command_line import CommandLine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


@pytest.fixture
def nestegg(fresh_variables: dict[str, str], fresh_runtime: Runtime, folder: Path) -> CommandLine:
    """The command line over a household, with a folder for backups."""
    fresh_runtime.storage.upgrade()
    fresh_runtime.check_keys()
    fill(fresh_runtime, fresh_runtime.clock().date())
    fresh_runtime.storage.dispose()  # a server that was stopped
    return CommandLine({**fresh_variables, "BACKUP_DIR": str(folder)})


def test_a_backup_is_made_verified_and_listed(nestegg: CommandLine, folder: Path) -> None:
    none = nestegg("backup", "list").stdout
    made = json.loads(nestegg("backup", "create", "--json").stdout)
    before = nestegg("backup", "list").stdout
    verified = nestegg("backup", "verify", made["file"])
    [listed] = json.loads(nestegg("backup", "list", "--json").stdout)["backups"]

    assert made["rows"]["transactions"] > 500
    assert none == f"There is no backup in {folder}.\n"
    assert "never" in before
    assert verified.exit_code == 0
    assert f"Verified: {made['file']} restores" in verified.stdout
    assert Path(listed["file"]).parent == folder
    assert listed["verified_at"] is not None
    assert listed["size"] == made["size"]


def test_a_restore_asks_before_it_replaces_data(nestegg: CommandLine) -> None:
    file = json.loads(nestegg("backup", "create", "--json").stdout)["file"]

    plain = nestegg("backup", "restore", file)
    unasked = nestegg("backup", "restore", file, "--overwrite")
    told = nestegg("backup", "restore", file, "--overwrite", "--yes")

    assert (plain.exit_code, unasked.exit_code, told.exit_code) == (1, 1, 0)
    assert "--overwrite" in plain.stderr
    assert "--yes" in unasked.stderr
    assert f"Restored {file}" in told.stdout
    assert nestegg("check", "books").exit_code == 0
    assert nestegg("db", "check").exit_code == 0


def test_a_restore_is_refused_while_a_server_is_connected(
    nestegg: CommandLine, fresh_runtime: Runtime
) -> None:
    file = json.loads(nestegg("backup", "create", "--json").stdout)["file"]
    fresh_runtime.storage.current_revision()  # its pool keeps the connection

    refused = nestegg("backup", "restore", file, "--overwrite", "--yes")
    told = nestegg("backup", "restore", file, "--overwrite", "--yes", "--while-connected")

    assert (refused.exit_code, told.exit_code) == (1, 0)
    assert "at least 1 connection" in refused.stderr
    assert "--while-connected" in refused.stderr


def test_a_damaged_file_is_refused_with_the_reason(nestegg: CommandLine) -> None:
    file = json.loads(nestegg("backup", "create", "--json").stdout)["file"]
    os.truncate(file, 1000)

    for command in (("verify", file), ("restore", file, "--overwrite", "--yes")):
        result = nestegg("backup", *command)
        assert result.exit_code == 1
        assert "cut off" in result.stderr


def test_pruning_shows_first_and_then_deletes(nestegg: CommandLine, folder: Path) -> None:
    nestegg("backup", "create")
    [one] = list_backups(folder)
    for days in range(1, 5):
        name = f"nestegg-{one.created_at - timedelta(days=days):%Y%m%dT%H%M%SZ}.backup"
        (folder / name).write_bytes(one.path.read_bytes())
    nestegg("backup", "verify", str(list_backups(folder)[4].path))

    shown = nestegg("backup", "prune", "--keep-last", "1", "--dry-run", "--json")
    still = len(list_backups(folder))
    done = nestegg("backup", "prune", "--keep-last", "1")

    assert len(json.loads(shown.stdout)["pruned"]) == 3
    assert still == 5
    assert "3 backups deleted, 2 kept." in done.stdout
    assert [one.verified_at is not None for one in list_backups(folder)] == [False, True]
    assert nestegg("backup", "prune", "--keep-last", "0").exit_code == 2


def test_without_a_folder_it_is_said_which_setting_is_missing(
    nestegg: CommandLine, tmp_path: Path
) -> None:
    variables = {k: v for k, v in nestegg.variables.items() if k != "BACKUP_DIR"}

    result = CommandLine(variables)("backup", "create")
    chosen = CommandLine(variables)("backup", "create", "--to", str(tmp_path / "there"))

    assert result.exit_code == 2
    assert "BACKUP_DIR is not set" in result.stderr
    assert chosen.exit_code == 0


def test_the_job_makes_verifies_and_prunes(folder: Path, with_folder: Runtime) -> None:
    old_ones(folder)

    job_id = with_folder.jobs.enqueue("backup")

    assert with_folder.job_list.read(job_id)["state"] == "done"
    newest = list_backups(folder)[0]
    assert newest.verified_at is not None
    assert len(list_backups(folder)) < 41
    exposed = samples(with_folder)
    created = exposed["nestegg_backup_last_created_timestamp_seconds"]
    assert created == newest.created_at.timestamp()
    assert exposed["nestegg_backup_last_verified_timestamp_seconds"] >= created
    assert exposed["nestegg_backup_last_size_bytes"] == newest.size
    scheduled = {one.name: one.schedule for one in with_folder.jobs.registered()}
    assert scheduled["backup"] == "0 2 * * *"


def old_ones(folder: Path) -> None:
    """Leave the files of more backups than any rule keeps."""
    folder.mkdir()
    for n in range(40):
        moment = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=n)
        (folder / f"nestegg-{moment:%Y%m%dT%H%M%SZ}.backup").touch()


def test_a_proof_that_fails_makes_no_second_backup_and_old_ones_go_nevertheless(
    folder: Path, with_folder: Runtime
) -> None:
    old_ones(folder)
    org_id = with_folder.retention.organizations()[0]
    with with_folder.storage.transaction(org_id, write=True) as tx:  # the books will not balance
        tx.execute(update(accounts).where(in_org(accounts)).values(balance=Decimal(1)))

    job_id = with_folder.jobs.enqueue("backup")
    for _ in range(3):
        assert with_folder.job_list.read(job_id)["state"] == "failed"
        with_folder.jobs.retry(job_id)

    new = [one for one in list_backups(folder) if one.created_at.year > 2020]
    assert len(new) == 1
    assert new[0].verified_at is None
    assert len(list_backups(folder)) < 20


def test_nights_of_failing_proofs_leave_three_backups_and_those_that_were_verified(
    folder: Path, with_folder: Runtime
) -> None:
    with_folder.jobs.enqueue("backup")
    [verified] = list_backups(folder)
    for night in range(1, 9):
        moment = datetime.now(UTC) - timedelta(days=night)
        (folder / f"nestegg-{moment:%Y%m%dT%H%M%SZ}.backup").touch()

    with_folder.jobs.enqueue("backup")

    left = list_backups(folder)
    assert sum(one.verified_at is None for one in left) == 3
    assert verified.path in [one.path for one in left]


def test_a_retry_verifies_the_backup_that_is_there(folder: Path, with_folder: Runtime) -> None:
    folder.touch()
    job_id = with_folder.jobs.enqueue("backup")
    assert with_folder.job_list.read(job_id)["state"] == "failed"
    folder.unlink()
    made = with_folder.backups.create(folder)

    with_folder.jobs.retry(job_id)

    assert with_folder.job_list.read(job_id)["state"] == "done"
    assert [(one.path, one.verified_at is not None) for one in list_backups(folder)] == [
        (made.path, True)
    ]


def test_each_job_makes_a_backup_of_its_own(folder: Path, with_folder: Runtime) -> None:
    old = datetime.now(UTC) - timedelta(minutes=5)
    folder.mkdir()
    (folder / f"nestegg-{old:%Y%m%dT%H%M%SZ}.backup").touch()

    job_id = with_folder.jobs.enqueue("backup")

    assert with_folder.job_list.read(job_id)["state"] == "done"
    assert list_backups(folder)[0].created_at > old + timedelta(minutes=1)


def test_the_job_is_not_scheduled_without_a_folder(fresh_runtime: Runtime) -> None:
    scheduled = {one.name: one.schedule for one in fresh_runtime.jobs.registered()}
    assert scheduled["backup"] is None


def test_a_failed_backup_is_counted(with_folder: Runtime, folder: Path) -> None:
    folder.touch()
    job_id = with_folder.jobs.enqueue("backup")

    assert with_folder.job_list.read(job_id)["state"] == "failed"
    counted = 'nestegg_backup_failures_total{step="create"} 1.0'
    assert counted in with_folder.metrics.exposition().decode()


def samples(runtime: Runtime) -> dict[str, float]:
    lines = runtime.metrics.exposition().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


@pytest.fixture
def with_folder(nestegg: CommandLine) -> Iterator[Runtime]:
    runtime = start(Environment.read({**nestegg.variables, "JOB_MAX_TRIES": "1"}, dotenv=None))
    yield runtime
    runtime.storage.dispose()


@pytest.mark.parametrize("schedule", ["daily", "61 2 * * *", "0 2 * *", "0 2 * * * *"])
def test_a_schedule_that_nobody_can_read_refuses_the_start(
    plain_nestegg: CommandLine, schedule: str
) -> None:
    broken = CommandLine({**plain_nestegg.variables, "BACKUP_SCHEDULE": schedule})

    result = broken("config")

    assert result.exit_code == 2
    assert "BACKUP_SCHEDULE is no schedule" in result.stderr


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True, scope="session")
class TestPostgres:
    """What only PostgreSQL's own programs can do wrong."""

    @pytest.mark.parametrize(
        ("said", "why"),
        [
            ("pg_dump (PostgreSQL) 12.3", "is of version 12, older than the server's"),
            ("nonsense", "does not tell a version"),
        ],
    )
    def test_an_old_or_strange_program_is_refused(
        self, nestegg: CommandLine, tmp_path: Path, said: str, why: str
    ) -> None:
        program = tmp_path / "pg_dump"
        program.write_text(f"#!/bin/sh\necho '{said}'\n")
        program.chmod(0o700)
        old = CommandLine({**nestegg.variables, "PG_BIN": str(tmp_path)})

        result = old("backup", "create")

        assert result.exit_code == 2
        assert why in result.stderr
        assert "PG_BIN" in result.stderr

    def test_a_missing_program_is_named(self, nestegg: CommandLine, tmp_path: Path) -> None:
        result = CommandLine({**nestegg.variables, "PG_BIN": str(tmp_path)})("backup", "create")

        assert result.exit_code == 2
        assert "pg_dump is not in PG_BIN" in result.stderr

    def test_the_application_alone_cannot_back_up(self, nestegg: CommandLine, folder: Path) -> None:
        variables = {**nestegg.variables, "DATABASE_ADMIN_URL": nestegg.variables["DATABASE_URL"]}

        result = CommandLine(variables)("backup", "create")

        assert result.exit_code == 2
        assert "DATABASE_ADMIN_URL names a role that does not see every row" in result.stderr
        assert not folder.exists()

    def test_no_password_stands_on_a_command_line(
        self, nestegg: CommandLine, tmp_path: Path
    ) -> None:
        """Programs that write down how they were called, and then are the real ones."""
        real, log = Path(nestegg.variables["PG_BIN"]), tmp_path / "calls"
        for name in ("pg_dump", "pg_restore", "psql"):
            program = tmp_path / name
            program.write_text(f'#!/bin/sh\necho "$0 $@" >> {log}\nexec {real}/{name} "$@"\n')
            program.chmod(0o700)
        url = nestegg.variables["DATABASE_ADMIN_URL"].replace("nestegg:@", "nestegg:s3cret-word@")
        told = CommandLine(
            {**nestegg.variables, "PG_BIN": str(tmp_path), "DATABASE_ADMIN_URL": url}
        )

        file = json.loads(told("backup", "create", "--json").stdout)["file"]
        verified = told("backup", "verify", file)

        assert verified.exit_code == 0
        calls = log.read_text()
        assert {"pg_dump", "pg_restore", "psql"} <= set(calls.replace("/", " ").split())
        assert "s3cret-word" in url
        assert "s3cret-word" not in calls
