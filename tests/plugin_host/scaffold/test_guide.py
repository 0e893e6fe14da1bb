"""The commands of `docs/plugins.md`, typed in by somebody who has the wheels and nothing else."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.environments import ROOT, SECONDS, FreshEnvironment, Wheelhouse

pytestmark = pytest.mark.long

GUIDE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")


@pytest.fixture
def shell_path(tmp_path: Path) -> str:
    """Let `python3` be the Python of this run, whose libraries are lent."""
    folder = tmp_path / "bin"
    folder.mkdir()
    python = folder / "python3"
    base = getattr(sys, "_base_executable", sys.executable)
    python.write_text(f'#!/bin/sh\nexec "{base}" "$@"\n')
    python.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_six_commands_lead_from_nothing_to_a_plugin(
    house: Wheelhouse, tmp_path: Path, shell_path: str
) -> None:
    [block] = re.findall(r"```bash\n(.*?)```", GUIDE, flags=re.DOTALL)
    commands = block.splitlines()
    assert len(commands) == 6
    (tmp_path / "dist").symlink_to(house.wheels)  # as `make wheels` leaves them
    done = subprocess.run(
        ["bash", "-c", "set -e\n" + "\necho '=== command'\n".join(commands)],
        env={**house.variables(tmp_path), "PATH": shell_path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    *_, written, _, tested, listed = done.stdout.split("=== command")
    assert "Wrote nestegg-retention-keep-receipts" in written
    assert re.search(r"\d+ passed", tested)
    assert "failed" not in tested
    [line] = [line for line in listed.splitlines() if line.startswith("retention_keep_receipts")]
    assert line.split()[1:5] == ["available", "retention_policy", "keep_receipts", EXPECTED]


EXPECTED = "nestegg-retention-keep-receipts"


def test_the_example_does_what_the_guide_shows(everything: FreshEnvironment) -> None:
    [block] = re.findall(r"```console\n(.*?)```", GUIDE, flags=re.DOTALL)
    lines = block.splitlines()
    commands = [line[2:] for line in lines if line.startswith(("$ ", "> "))]
    shown = [line for line in lines if not line.startswith(("$ ", "> "))]
    done = everything.run("bash", "-c", "set -e\n" + "\n".join(commands))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == shown
