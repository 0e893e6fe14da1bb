"""A database that takes no writes or is out of reach: one sentence that says where, and no more."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command_line import NESTEGG, PATIENCE, CommandLine, environ

_RIGHTS = "-dac_override,-dac_read_search"
_LESS = ["setpriv", f"--bounding-set={_RIGHTS}", f"--inh-caps={_RIGHTS}"]
"""root without the right to write wherever it likes."""


@pytest.fixture
def read_only(plain_nestegg: CommandLine) -> Iterator[Path]:
    """A data folder with a migrated database, and no right to write to either."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv (util-linux)")
    assert plain_nestegg("db", "upgrade").exit_code == 0
    home = Path(plain_nestegg.variables["NESTEGG_HOME"])
    (home / "nestegg.sqlite3").chmod(0o400)
    home.chmod(0o500)
    yield home
    home.chmod(0o700)


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    less = _LESS if os.geteuid() == 0 else []
    return subprocess.run(
        [*less, NESTEGG, *arguments],
        env=environ({"NESTEGG_HOME": str(home)}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    ["db check", "db current", "db upgrade", "backup create --to {elsewhere}", "user list"],
)
def test_a_database_that_takes_no_writes_is_told_in_one_line(
    read_only: Path, tmp_path: Path, command: str
) -> None:
    result = run(read_only, *command.format(elsewhere=tmp_path).split())

    assert result.returncode == 1
    assert result.stderr.startswith("Error: The database takes no writes")
    assert len(result.stderr.splitlines()) == 1
    assert f"{read_only}" in result.stderr
    assert "it belongs to" in result.stderr
    assert "chown" in result.stderr


def test_the_doctor_tells_it_once_and_understands_it(read_only: Path) -> None:
    result = run(read_only, "doctor")

    assert result.returncode == 2
    assert result.stdout.count("The database takes no writes") == 1
    assert f"{read_only / 'nestegg.sqlite3'} (it belongs to" in result.stdout
    assert "The check stopped" not in result.stdout


def test_a_database_in_a_folder_that_is_missing_is_refused_and_nothing_made(
    tmp_path: Path,
) -> None:
    missing = tmp_path / "no" / "such"
    variables = {
        "NESTEGG_HOME": str(tmp_path / "home"),
        "DATABASE_URL": f"sqlite:///{missing / 'a.db'}",
    }

    result = CommandLine(variables)("db", "upgrade")

    assert result.exit_code == 2
    assert f"DATABASE_URL names a file in a folder that does not exist: {missing}" in result.stderr
    assert not missing.parent.exists()


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("127.0.0.1:1", "The way to 127.0.0.1, port 1 (DATABASE_URL): the connection was refused"),
        ("nowhere.invalid", "The way to nowhere.invalid, port 5432 (DATABASE_URL): the name is un"),
    ],
)
def test_a_server_out_of_reach_is_told_with_host_port_and_cause(
    tmp_path: Path, address: str, told: str
) -> None:
    url = f"postgresql://ada:hush-hush@{address}/nestegg"
    variables = {"NESTEGG_HOME": str(tmp_path / "home"), "DATABASE_URL": url}

    result = CommandLine(variables)("db", "check")

    assert result.exit_code == 1
    assert told in result.stderr
    assert "hush-hush" not in result.output
    assert "ada" not in result.output


def test_backups_of_a_folder_that_is_missing_are_no_empty_list(
    plain_nestegg: CommandLine, tmp_path: Path
) -> None:
    missing = tmp_path / "nope"
    for command in ("list", "prune"):
        result = plain_nestegg("backup", command, "--in", str(missing))

        assert result.exit_code == 2
        assert "does not exist" in result.stderr
        assert str(missing) in result.stderr
