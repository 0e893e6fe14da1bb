"""`nestegg db` and a bare `alembic`, on both databases."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from nestegg_core.database import head
from support.command_line import PATIENCE, CommandLine, environ

ROOT = Path(__file__).parents[2]


def test_upgrade_brings_an_empty_database_to_head(fresh_nestegg: CommandLine) -> None:
    first = fresh_nestegg("db", "upgrade")
    again = fresh_nestegg("db", "upgrade")

    assert (first.exit_code, again.exit_code) == (0, 0), first.output
    assert first.stdout == again.stdout == f"The database stands at {head()}.\n"
    assert fresh_nestegg("db", "current").stdout == f"{head()} (head)\n"
    assert fresh_nestegg("db", "check").stdout == "Nothing is wrong with the database.\n"


def test_history_lists_head_first(fresh_nestegg: CommandLine) -> None:
    lines = fresh_nestegg("db", "history").stdout.splitlines()

    assert lines[1].startswith(head())


def test_an_unknown_revision_is_an_error_of_usage(fresh_nestegg: CommandLine) -> None:
    result = fresh_nestegg("db", "upgrade", "9999")

    assert result.exit_code == 2
    assert "nestegg db history" in result.stderr


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True, scope="session")
class TestPostgres:
    """What only a database with roles can show."""

    @pytest.mark.usefixtures("runtime")  # so that the application's role is there
    def test_a_command_that_needs_tables_says_how_to_make_them(
        self, fresh_nestegg: CommandLine
    ) -> None:
        result = fresh_nestegg("user", "list")

        assert result.exit_code == 1
        assert "Run: nestegg db upgrade" in result.stderr
        assert fresh_nestegg("db", "current").stdout.startswith("nothing (no migration has run)")

    def test_roles_are_made_sure_of(self, fresh_nestegg: CommandLine) -> None:
        early = fresh_nestegg("db", "roles")
        fresh_nestegg("db", "upgrade")
        result = fresh_nestegg("db", "roles")

        assert early.exit_code == 1
        assert "nestegg db upgrade" in early.stderr
        assert result.exit_code == 0
        assert "The role nestegg_app is there and has its rights." in result.stdout

    def test_the_owner_as_the_application_is_found(self, fresh_nestegg: CommandLine) -> None:
        fresh_nestegg("db", "upgrade")
        owner = fresh_nestegg.variables["DATABASE_ADMIN_URL"]
        as_owner = CommandLine({**fresh_nestegg.variables, "DATABASE_URL": owner})

        check, roles = as_owner("db", "check", "--json"), as_owner("db", "roles")

        assert (check.exit_code, roles.exit_code) == (1, 2)
        assert "it owns" in json.loads(check.stdout)["findings"][0]["what"]
        assert "DATABASE_ADMIN_URL names the same role" in roles.stderr


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")
def test_a_file_has_no_roles(fresh_nestegg: CommandLine) -> None:
    result = fresh_nestegg("db", "roles")

    assert result.exit_code == 1
    assert "no roles" in result.stderr


def test_a_bare_alembic_migrates_the_configured_database(
    fresh_variables: dict[str, str], fresh_nestegg: CommandLine
) -> None:
    before = alembic(fresh_variables, "current")
    upgraded = alembic(fresh_variables, "upgrade", "head")
    after = alembic(fresh_variables, "current")

    assert (before, upgraded, after) == ("", "", f"{head()} (head)\n")
    assert fresh_nestegg("db", "check").exit_code == 0


def alembic(variables: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=ROOT,
        env=environ(variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
