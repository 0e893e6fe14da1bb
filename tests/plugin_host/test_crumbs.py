"""An import that ends the process, prints or is interrupted is named, and can be got around."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nestegg_core.plugin_host.discovery import Crumbs

ENDS = "import os\nos._exit(0)\n"
HOOK = """
from nestegg_core import JobRegistration, hookimpl
@hookimpl
def nestegg_jobs(): return [JobRegistration("tidy", print)]
"""
CRASHES = "import ctypes\nctypes.string_at(0)\n"
PRINTS = f"import os\nprint('hi')\nos.system('echo deep')\n{HOOK}"


def run(
    tmp_path: Path, source: str, *command: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command where a distribution `acme` with this code is installed."""
    site = tmp_path / "site"
    metadata = site / "acme-1.0.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    (site / "acme_ending.py").write_text(source)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[nestegg.plugins]\nacme = acme_ending\n")
    return subprocess.run(
        [sys.executable, "-c", "from nestegg_core.cli import main; main()", *command],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(site),
            "NESTEGG_HOME": str(tmp_path / "home"),
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("source", [ENDS, CRASHES])
def test_an_import_that_ends_the_process_is_named_then_left_out(
    tmp_path: Path, source: str
) -> None:
    assert "acme" not in run(tmp_path, source, "plugins").stderr
    second = run(tmp_path, source, "plugins")
    assert "plugin 'acme' (acme 1.0): its import ended the process the last time" in second.stderr
    assert "PLUGINS_DISABLED=acme" in second.stderr

    third = run(tmp_path, source, "plugins", "--check")
    assert third.returncode == 1
    assert "acme failed: its import ended the process, twice in a row" in third.stdout
    assert not run(tmp_path, source, "plugins", PLUGINS_DISABLED="acme").returncode


def test_one_that_comes_back_is_forgiven(tmp_path: Path) -> None:
    run(tmp_path, ENDS, "plugins")
    for _ in range(2):
        assert "available" not in run(tmp_path, HOOK, "plugins").stderr
    assert not (tmp_path / "home" / "imports").exists()
    assert "ended the process" not in run(tmp_path, HOOK, "plugins").stderr


def test_what_an_import_prints_stays_out_of_the_answer(tmp_path: Path) -> None:
    done = run(tmp_path, PRINTS, "plugins", "--json")
    assert json.loads(done.stdout)["plugins"][0]["name"] == "acme"
    assert {"hi", "deep"} <= set(done.stderr.split())


def test_an_import_that_is_interrupted_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, "raise KeyboardInterrupt", "plugins")
    assert "interrupted while plugin 'acme' (acme 1.0) was imported" in done.stderr


def test_one_that_is_being_imported_elsewhere_is_no_death(tmp_path: Path) -> None:
    crumbs = Crumbs(tmp_path)
    with crumbs.importing("acme", "1.0"):
        assert Crumbs(tmp_path).deaths("acme", "1.0") == 0
    assert Crumbs(tmp_path).deaths("acme", "1.0") == 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_costs_nothing() -> None:
    with Crumbs(Path("/proc/nowhere")).importing("acme", "1.0"):
        assert Crumbs(Path("/proc/nowhere")).deaths("acme", "1.0") == 0
