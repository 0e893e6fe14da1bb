"""`nestegg keys rotate`: a rotation's steps in the `.env` file, all of them or none."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import Result
from dotenv import dotenv_values

from nestegg_core.settings.env_file import EnvFile
from support.command_line import CommandLine
from support.rotation import KEYS, Notes, Process, keys
from support.serving import Serve

TEXT = f"""\
# The keys of this installation.
export MASTER_ENCRYPTION_KEY='{KEYS[1]}'  # in the safe as well

ENCRYPTION_KEY_V1=
# Whoever reads the logs:
LOG_FORMAT="json"
"""

on_one_database = pytest.mark.parametrize(
    "database_kind", ["sqlite"], indirect=True, scope="session"
)


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / "settings" / ".env"
    path.parent.mkdir()
    path.write_text(TEXT, "utf-8")
    path.chmod(0o640)
    return path


def run(serve: Serve, *arguments: str, **variables: str) -> Result:
    return CommandLine({**serve.variables, **variables})("keys", *arguments)


def rotate(serve: Serve, env_file: Path, **variables: str) -> Result:
    return run(serve, "rotate", "--env-file", str(env_file), **variables)


def values(path: Path) -> dict[str, str]:
    return {name: value for name, value in dotenv_values(path).items() if value}


def test_two_rotations_one_after_the_other(serve: Serve, process: Process, env_file: Path) -> None:
    notes = Notes()
    notes.furnish(process(1), 2, 10)
    made = [KEYS[1]]
    for version in (2, 3):
        done = rotate(serve, env_file)
        assert done.exit_code == 0, done.output
        now = values(env_file)
        made.append(now["MASTER_ENCRYPTION_KEY"])
        assert now["ENCRYPTION_CURRENT_VERSION"] == str(version)
        assert [now[f"ENCRYPTION_KEY_V{n}"] for n in range(1, version)] == made[:-1]
        assert not any(key in done.output for key in made)
        assert f"nestegg keys retire {version - 1}" in done.stdout
        moved = run(serve, "rewrap", **now)
        assert "Moved 23 values" in moved.stdout, moved.output
        assert run(serve, "verify", **now).exit_code == 0
        assert run(serve, "retire", str(version - 1), **now).exit_code == 0
    assert len(set(made)) == 3
    assert notes.read(serve.runtime(**values(env_file))) == notes.texts


@on_one_database
def test_all_else_in_the_file_stays(serve: Serve, env_file: Path) -> None:
    assert rotate(serve, env_file).exit_code == 0
    new = values(env_file)["MASTER_ENCRYPTION_KEY"]
    text = TEXT.replace(KEYS[1], new).replace(
        "as well\n", "as well\nENCRYPTION_CURRENT_VERSION=2\n"
    )
    text = text.replace("ENCRYPTION_KEY_V1=\n", f"ENCRYPTION_KEY_V1={KEYS[1]}\n")
    assert env_file.read_text("utf-8") == text
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o640
    assert os.listdir(env_file.parent) == [".env"]


@on_one_database
def test_ends_of_lines_a_mark_at_the_start_and_a_link_stay(serve: Serve, env_file: Path) -> None:
    env_file.write_bytes(f"\ufeffLOG_FORMAT=json\r\n\r\nMASTER_ENCRYPTION_KEY={KEYS[1]}".encode())
    link = env_file.with_name("link")
    link.symlink_to(env_file)
    assert rotate(serve, link).exit_code == 0
    new = values(env_file)["MASTER_ENCRYPTION_KEY"]
    assert link.is_symlink()
    assert env_file.read_bytes().decode() == (
        f"\ufeffLOG_FORMAT=json\r\n\r\nMASTER_ENCRYPTION_KEY={new}\r\n"
        f"ENCRYPTION_KEY_V1={KEYS[1]}\r\nENCRYPTION_CURRENT_VERSION=2\r\n"
    )


@on_one_database
def test_a_key_in_readiness_becomes_the_current_one(
    serve: Serve, process: Process, env_file: Path
) -> None:
    """With several servers, the second one rotates when the first writes under it already."""
    env_file.write_text(f"{TEXT}ENCRYPTION_KEY_V2={KEYS[2]}\n", "utf-8")
    process(1)
    process(2, 1)
    assert rotate(serve, env_file).exit_code == 0
    assert values(env_file) == {
        "MASTER_ENCRYPTION_KEY": KEYS[2],
        "ENCRYPTION_KEY_V1": KEYS[1],
        "ENCRYPTION_CURRENT_VERSION": "2",
        "LOG_FORMAT": "json",
    }


@on_one_database
@pytest.mark.parametrize(
    ("text", "variables", "told"),
    [
        ("LOG_FORMAT=json\n", {}, "MASTER_ENCRYPTION_KEY is not set in"),
        (TEXT, {"MASTER_ENCRYPTION_KEY": KEYS[1]}, "does not come from"),
        (TEXT, {"ENCRYPTION_CURRENT_VERSION": "1"}, "ENCRYPTION_CURRENT_VERSION does not come"),
        (TEXT, {"ENCRYPTION_KEY_V2": KEYS[2]}, "ENCRYPTION_KEY_V2 does not come from"),
        ("MASTER_ENCRYPTION_KEY_FILE={file}\n", {}, "MASTER_ENCRYPTION_KEY does not come from"),
        (TEXT + TEXT, {}, "MASTER_ENCRYPTION_KEY stands more than once"),
        (TEXT.replace(KEYS[1], KEYS[3]), {}, "is not the key that this database knows"),
        (TEXT + "ENCRYPTION_CURRENT_VERSION=2\n", {}, "is still the key of version 1"),
        (f"{TEXT}ENCRYPTION_KEY_V2={KEYS[1]}\n", {}, "is still the key of version 1"),
        (TEXT + "no setting\n", {}, "is no setting"),
        (TEXT + "ENCRYPTION_CURRENT_VERSION=one\n", {}, "ENCRYPTION_CURRENT_VERSION is not valid"),
    ],
    ids=[
        "no key",
        "key of the process",
        "version of the process",
        "next key of the process",
        "key in a file of its own",
        "key twice",
        "another key",
        "version too high",
        "the same key in readiness",
        "no setting",
        "no version",
    ],
)
def test_what_would_be_half_a_rotation_is_refused(
    serve: Serve, env_file: Path, text: str, variables: dict[str, str], told: str
) -> None:
    serve.runtime(**keys(1)).check_keys()
    key = env_file.with_name("key")
    key.write_text(KEYS[1])
    text = text.replace("{file}", str(key))
    env_file.write_text(text, "utf-8")
    refused = rotate(serve, env_file, **variables)
    assert refused.exit_code != 0
    assert told in refused.stderr
    assert not any(key in refused.output for key in KEYS.values())
    assert env_file.read_text("utf-8") == text
    assert sorted(os.listdir(env_file.parent)) == [".env", "key"]


@on_one_database
def test_a_database_that_is_ahead_of_the_file_is_refused(
    serve: Serve, process: Process, env_file: Path
) -> None:
    process(1)
    process(2, 1)
    refused = rotate(serve, env_file)
    assert "has been written to under version 2" in refused.stderr
    assert env_file.read_text("utf-8") == TEXT


@contextmanager
def as_nobody() -> Iterator[Path]:
    """Give a folder of a user who may not do everything, and be that user."""
    if os.geteuid() != 0:
        pytest.skip("to become another user, one must be root")
    folder = Path(tempfile.mkdtemp(prefix="ne-"))
    os.chown(folder, 65534, 65534)
    try:
        os.setegid(65534)
        os.seteuid(65534)
        yield folder
    finally:
        os.seteuid(0)
        os.setegid(0)
        shutil.rmtree(folder)


def test_a_file_that_may_only_be_read_is_refused() -> None:
    with as_nobody() as folder:
        (folder / ".env").write_text(TEXT)
        (folder / ".env").chmod(0o440)
        with pytest.raises(Exception, match="cannot be written"):
            EnvFile.read(folder / ".env")


def test_a_file_in_a_folder_that_may_only_be_read_is_written_in_place() -> None:
    with as_nobody() as folder:
        spare = folder / "spare"
        for one in (folder / "settings", spare):
            one.mkdir()
        path = folder / "settings" / ".env"
        path.write_text(TEXT)
        path.parent.chmod(0o500)
        number = path.stat().st_ino
        EnvFile.read(path).changed({"LOG_FORMAT": "console"}).write(spare=spare)
        assert path.read_text() == TEXT.replace("json", "console")
        assert path.stat().st_ino == number
        assert os.listdir(spare) == []
        (spare / ".env.before-rotation").touch()
        with pytest.raises(Exception, match="cut short"):
            EnvFile.read(path).changed({"LOG_FORMAT": "json"}).write(spare=spare)
        assert path.read_text() == TEXT.replace("json", "console")
        path.parent.chmod(0o700)


def test_a_file_that_is_mounted_by_itself_is_written_in_place(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / ".env"
    source.write_text(TEXT)
    target.touch()
    program = (
        "import sys; from pathlib import Path; from nestegg_core.settings.env_file import EnvFile; "
        "EnvFile.read(Path(sys.argv[1])).changed({'LOG_FORMAT': 'console'}).write(spare=Path('.'))"
    )
    mounted = f'mount --bind {source} {target} || exit 77; exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", mounted, "sh", sys.executable, "-c", program]
    done = subprocess.run(
        [*command, str(target)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert source.read_text() == TEXT.replace("json", "console")
    assert sorted(os.listdir(tmp_path)) == [".env", "source"]
