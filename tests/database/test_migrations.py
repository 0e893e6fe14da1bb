"""Migrations: from empty to head on both databases, at once, and never half."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from falcon.testing import TestClient
from sqlalchemy import inspect, text

import nestegg_core.database
from nestegg_core.api.app import create_app
from nestegg_core.application import Runtime
from nestegg_core.database import SqlStorage, head, metadata, migrator
from nestegg_core.errors import MigrationError
from support.household import register

SCRIPTS = Path(nestegg_core.database.__file__).parent / "migrations"


@pytest.fixture
def storage(fresh_runtime: Runtime) -> SqlStorage:
    assert isinstance(fresh_runtime.storage, SqlStorage)
    return fresh_runtime.storage


def table_names(storage: SqlStorage) -> set[str]:
    with storage.migrating() as connection:
        return set(inspect(connection).get_table_names())


def test_an_empty_database_is_brought_to_head(storage: SqlStorage) -> None:
    storage.upgrade()
    assert storage.current_revision() == head()
    assert table_names(storage) == {*metadata.tables, "alembic_version"}
    assert list(storage.check()) == []


def test_a_database_below_head_is_found(storage: SqlStorage, fresh_runtime: Runtime) -> None:
    """The application's role is made by the first migration: only SQLite can be asked before."""
    if fresh_runtime.migrates_itself:
        assert [finding.fix for finding in storage.check()] == ["nestegg db upgrade"]


def test_the_tables_are_those_that_the_code_declares(storage: SqlStorage) -> None:
    storage.upgrade()
    with storage.migrating() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_at_head_no_lock_is_taken(storage: SqlStorage) -> None:
    storage.upgrade()
    with ThreadPoolExecutor() as pool, storage.migrating():
        pool.submit(storage.upgrade).result(timeout=8)


def test_five_processes_upgrade_at_once(
    storage: SqlStorage, fresh_variables: dict[str, str], tmp_path: Path
) -> None:
    program = (
        "from nestegg_core.application import start\n"
        "storage = start().storage\n"
        "input()\n"
        "storage.upgrade()\n"
        "assert not storage.check()\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env={**os.environ, **fresh_variables},
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(5)
    ]
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 5, errors
    assert storage.current_revision() == head()


def test_a_database_of_a_newer_release_is_refused(storage: SqlStorage) -> None:
    storage.upgrade()
    with storage.migrating() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for attempt in (storage.upgrade, storage.check):
        with pytest.raises(MigrationError, match=r"9999.*newer release.*restore a backup"):
            attempt()
    assert storage.current_revision() == "9999"


def test_a_revision_that_does_not_exist_is_refused(storage: SqlStorage) -> None:
    with pytest.raises(MigrationError, match="nonsense"):
        storage.upgrade("nonsense")


PLANTED = """
import sqlalchemy as sa
from alembic import op

revision = "planted"
down_revision = "{head}"

def upgrade():
    op.create_table("planted", sa.Column("id", sa.Integer(), primary_key=True))
    op.execute(sa.text("UPDATE organizations SET name = 'Half'"))
    {step}
"""


def plant(folder: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Add a migration after the newest: it makes a table, then does `step`."""
    shutil.copytree(SCRIPTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    planted = PLANTED.format(head=head(), step=step)
    (folder / "versions" / "planted.py").write_text(planted)
    monkeypatch.setattr(migrator, "_folder", lambda: folder)


@pytest.fixture
def household_name(storage: SqlStorage, fresh_runtime: Runtime) -> str:
    """The name of an organization that is there before the planted migration."""
    storage.upgrade()
    return str(register(TestClient(create_app(fresh_runtime))).signed_in["organization"]["name"])


def names(storage: SqlStorage) -> list[str]:
    with storage.migrating() as connection:
        return list(connection.execute(text("SELECT name FROM organizations")).scalars())


@pytest.mark.parametrize(
    "step",
    [
        "op.execute('SELECT nonsense FROM nowhere')",
        "op.execute('INSERT INTO accounts DEFAULT VALUES')",
        "raise ValueError('a step found what it did not expect')",
    ],
)
def test_a_failing_migration_leaves_the_old_state(
    storage: SqlStorage,
    household_name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    before = head()
    with monkeypatch.context() as patch:
        plant(tmp_path / "failing", patch, step)
        with pytest.raises(MigrationError, match="failed and was rolled back"):
            storage.upgrade()
        assert storage.current_revision() == before
        assert table_names(storage) == {*metadata.tables, "alembic_version"}
        assert names(storage) == [household_name]
    with monkeypatch.context() as patch:
        plant(tmp_path / "mended", patch, "pass")
        storage.upgrade()
        assert storage.current_revision() == "planted"
        assert names(storage) == ["Half"]


def test_there_is_one_line_of_migrations() -> None:
    assert len(migrator._scripts().get_heads()) == 1
    assert migrator.history()[0][0] == migrator._scripts().get_current_head() == head()
    assert all(description for _, description in migrator.history())


def test_a_bare_alembic_upgrade_migrates_the_configured_database(
    storage: SqlStorage,
    fresh_variables: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in fresh_variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")
    assert storage.current_revision() == head()
    assert list(storage.check()) == []
