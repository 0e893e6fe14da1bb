"""Fresh environments with wheels of this checkout, as somebody has who has nothing else.

What the distributions depend on is lent by the running environment, through links on
`PYTHONPATH` that leave out everything of Nest Egg, so that nothing is downloaded.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
KIT = ROOT / "plugins" / "testing"
PLUGINS = sorted({path.parent for path in ROOT.glob("plugins/*/pyproject.toml")} - {KIT})
EXAMPLE = ROOT / "examples" / "nestegg-retention-legal-hold"
_LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist", ".*_cache")
TAKES_PART = ("nestegg", "__editable__", "pip", "distutils-precedence")
SECONDS = 300


@dataclass(frozen=True)
class Wheelhouse:
    """Wheels, and what they depend on.

    Attributes:
        wheels: folder of the wheels.
        lent: folder of links to the libraries of the running environment.
        sources: folder of copies that the wheels were built from, with their tests.
    """

    wheels: Path
    lent: Path
    sources: Path

    def variables(self, home: Path) -> dict[str, str]:
        """Return the process environment: none of the settings of whoever runs the tests."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": str(self.lent),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            # pip reads the option's opposite from this variable: it means no isolation.
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def add(self, *sources: Path) -> None:
        """Build wheels of source folders."""
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
        folders = map(str, sources)
        ran([*command, "--no-build-isolation", "--wheel-dir", str(self.wheels), *folders])


@dataclass(frozen=True)
class FreshEnvironment:
    """A virtual environment without pip, and a data folder."""

    house: Wheelhouse
    folder: Path

    @classmethod
    def make(cls, house: Wheelhouse, folder: Path, *distributions: str) -> "FreshEnvironment":
        """Make one, and install wheels of the house."""
        venv.create(folder / "venv", symlinks=True)
        made = cls(house, folder)
        pip = [sys.executable, "-m", "pip", "--python", str(made.python), "install", "--quiet"]
        options = ("--no-deps", "--no-compile")
        ran([*pip, *options, *distributions], env=house.variables(folder), cwd=folder)
        return made

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "venv" / "bin" / "python"

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of its own, and return what it said, however it ended."""
        path = f"{self.python.parent}{os.pathsep}{os.environ['PATH']}"
        env = {**self.house.variables(self.folder), "PATH": path, **variables}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )

    def plugins(self, **variables: str) -> dict[str, dict[str, Any]]:
        """Return what `nestegg plugins --json` tells, by name."""
        told = self.run("nestegg", "plugins", "--json", **variables)
        return {one["name"]: one for one in json.loads(told.stdout)["plugins"]}


def build_house(folder: Path, scaffolded: Iterable[Path]) -> Wheelhouse:
    """Build the core, its plugins, the kit for tests, the example and what was scaffolded."""
    house = Wheelhouse(folder / "wheels", folder / "lent", folder / "sources")
    house.wheels.mkdir()
    lend(house.lent)
    core = house.sources / "core"
    shutil.copytree(ROOT / "nestegg_core", core / "nestegg_core", ignore=_LEFT_BEHIND)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, core)
    copies = [
        Path(shutil.copytree(source, house.sources / source.name, ignore=_LEFT_BEHIND))
        for source in (*PLUGINS, KIT, EXAMPLE, *scaffolded)
    ]
    house.add(core, *copies)
    return house


def lend(folder: Path) -> None:
    """Link every installed library but ours. `.pth` files in such a folder have no effect."""
    folder.mkdir()
    for site in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(site).iterdir():
            if not entry.name.startswith(TAKES_PART):
                (folder / entry.name).symlink_to(entry)


def ran(command: list[str], **arguments: Any) -> str:
    """Run a command that must succeed, and return its output."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=SECONDS, **arguments
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout
