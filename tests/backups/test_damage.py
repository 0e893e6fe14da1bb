"""A backup that is cut off, altered, of another kind or from the future is refused, with why."""

import io
import os
import random
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestegg_core.application import Runtime
from nestegg_core.backups import archive
from nestegg_core.backups.archive import BackupFailed, BackupRefused, Manifest
from support.backups import BackedUp
from support.command_line import NESTEGG, PATIENCE, environ

FLIPS = 60
CUTS = (0, 1, 511, 512, 513, 4096, -1, -511, -512, -1024, -1536, -2048, -2560)


@pytest.fixture
def copy(backed_up: BackedUp, tmp_path: Path) -> Path:
    """A copy of the backup to be damaged."""
    path = tmp_path / backed_up.made.path.name
    path.write_bytes(backed_up.made.path.read_bytes())
    return path


def refused(runtime: Runtime, path: Path) -> str:
    with pytest.raises(BackupRefused) as raised:
        runtime.backups.verify(path)
    assert not path.with_name(f"{path.name}.verified").exists()
    return str(raised.value)


@pytest.mark.parametrize("at", CUTS)
def test_a_file_that_is_cut_off_is_refused(backed_up: BackedUp, copy: Path, at: int) -> None:
    os.truncate(copy, at if at >= 0 else copy.stat().st_size + at)

    assert "cut off" in refused(backed_up.runtime, copy)


def test_a_file_that_goes_on_is_refused(backed_up: BackedUp, copy: Path) -> None:
    with copy.open("ab") as file:
        file.write(bytes(archive.BLOCK))

    refused(backed_up.runtime, copy)


def test_one_bit_anywhere_is_enough_to_be_refused(backed_up: BackedUp, copy: Path) -> None:
    chosen = random.Random(7)  # noqa: S311 - the same places each time
    size = copy.stat().st_size
    edges = [0, 100, 511, 512, size - 1, size - 1025, size - 1500, size - 2048]
    for at in [*edges, *(chosen.randrange(size) for _ in range(FLIPS))]:
        with copy.open("r+b") as file:
            file.seek(at)
            good = file.read(1)[0]
            file.seek(at)
            file.write(bytes([good ^ (1 << chosen.randrange(8))]))
            file.flush()
            told = refused(backed_up.runtime, copy)
            assert "altered" in told, at
            file.seek(at)
            file.write(bytes([good]))
    backed_up.runtime.backups.verify(copy)


def test_a_damaged_backup_does_not_touch_the_database(same_keys: Runtime, copy: Path) -> None:
    same_keys.storage.upgrade()
    os.truncate(copy, copy.stat().st_size // 2)

    with pytest.raises(BackupRefused):
        same_keys.backups.restore(copy, overwrite=True)

    assert list(same_keys.storage.check()) == []


def test_a_dump_that_cannot_be_restored_keeps_the_old_state(
    backed_up: BackedUp, same_keys: Runtime, tmp_path: Path
) -> None:
    """Its checksum is right: it was made from a dump that was broken before."""
    same_keys.storage.upgrade()
    with archive.opened(backed_up.made.path) as good:
        dump = good.dump().read()
    for size in (len(dump) // 2, len(dump) - 100):
        path = made_of(tmp_path / f"{size}.backup", dump[:size], backed_up.made.manifest)
        with pytest.raises(Exception, match=r"pg_restore|psql|dump"):
            same_keys.backups.verify(path)
        with pytest.raises(Exception, match=r"pg_restore|psql|dump"):
            same_keys.backups.restore(path, overwrite=True)
        assert list(same_keys.storage.check()) == []


def test_figures_that_differ_are_named(backed_up: BackedUp, tmp_path: Path) -> None:
    manifest = backed_up.made.manifest
    with archive.opened(backed_up.made.path) as good:
        dump = good.dump().read()
    rows = {**manifest.figures.rows, "transactions": 2701}
    other = replace(manifest, figures=replace(manifest.figures, rows=rows))

    told = refused(backed_up.runtime, made_of(tmp_path / "a.backup", dump, other))

    assert "transactions: 2701 rows were backed up, 2700 found" in told


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"revision": "9999", "release": "7.0"}, "install Nest Egg 7.0 or newer"),
        ({"dump_format": "mysqldump"}, "another kind of database (mysqldump"),
    ],
    ids=["newer", "other kind"],
)
def test_what_this_release_cannot_restore_is_refused(
    backed_up: BackedUp, tmp_path: Path, change: dict[str, str], why: str
) -> None:
    manifest = replace(backed_up.made.manifest, **change)  # type: ignore[arg-type]  # texts all

    told = refused(backed_up.runtime, made_of(tmp_path / "a.backup", b"", manifest))

    assert why in told


def test_a_manifest_of_a_newer_form_is_refused(backed_up: BackedUp, tmp_path: Path) -> None:
    path = tmp_path / "a.backup"
    with path.open("w+b") as file:
        archive.write(file, lambda _: None, lambda _size, _digest: b'{"format": 2}')

    assert "newer release" in refused(backed_up.runtime, path)


@pytest.mark.parametrize("content", [b"", b"no backup", bytes(10_240)])
def test_what_is_no_backup_is_refused(backed_up: BackedUp, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.backup"
    path.write_bytes(content)

    assert "no backup" in refused(backed_up.runtime, path)


@given(dump=st.binary(max_size=3000), manifest=st.binary(max_size=1500))
def test_an_archive_gives_back_what_was_put_into_it(dump: bytes, manifest: bytes) -> None:
    file = io.BytesIO()
    checksum = archive.write(file, lambda target: _write(target, dump), lambda *_: manifest)

    assert archive.checksum_of(file) == checksum
    assert len(file.getvalue()) % archive.BLOCK == 0


def _write(target: object, data: bytes) -> None:
    target.write(data)  # type: ignore[attr-defined]  # a file


@pytest.mark.parametrize("most", [1_000, 20_000, 60_000])
def test_a_full_disk_leaves_nothing_and_is_told(
    backed_up: BackedUp, folder: Path, most: int
) -> None:
    done = subprocess.run(
        [NESTEGG, "backup", "create", "--to", str(folder)],
        # Python does not notice that a compiled file was cut off, and would fail on it ever after.
        env={**environ(backed_up.variables), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )

    assert done.returncode == 1, done.stderr
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not folder.exists() or list(folder.iterdir()) == []
    home = Path(backed_up.variables["NESTEGG_HOME"])
    assert [one.name for one in home.iterdir() if "copy" in one.name] == []


def test_a_folder_that_cannot_be_written_to_is_told(backed_up: BackedUp, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(BackupFailed, match=r"No backup was made in .*--to, BACKUP_DIR"):
        backed_up.runtime.backups.create(tmp_path / "file")


def test_one_that_is_killed_leaves_no_backup_behind(backed_up: BackedUp, folder: Path) -> None:
    """The file appears when it is complete: before that it has another name."""
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)], env=environ({}), stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)

    left = [one.name for one in folder.iterdir()]
    assert [name for name in left if name.endswith(".backup")] == []
    assert len(left) == 1
    backed_up.runtime.backups.create(folder)
    old = folder / left[0]
    os.utime(old, (0, 0))
    backed_up.runtime.backups.create(folder)
    assert not old.exists()


KILLED = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from nestegg_core.backups.store import new_file
with new_file(Path(sys.argv[1]), datetime.now(UTC)) as (path, file):
    file.write(bytes(10_000))
    print("begun", flush=True)
    time.sleep(60)
"""


def made_of(path: Path, dump: bytes, manifest: Manifest) -> Path:
    """Write a whole backup of a dump and a manifest that were not made together."""
    with path.open("w+b") as file:
        archive.write(file, lambda target: _write(target, dump), lambda *_: manifest.to_json())
    return path
