"""Builds the image of the Dockerfile as a folder: its steps, run on this machine."""

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from support.dockerfile import Stage, stages
from support.environments import ROOT, Wheelhouse

_OURS = ("/src", "/wheels", "/opt/nestegg", "/app", "/var/lib/nestegg")
"""Folders of the image that the steps make or fill."""

_FROM_OUTSIDE = ("apt-get", "--require-hashes")
"""Steps that bring what others made: Debian's packages, and libraries, which are lent here."""


def context() -> Iterator[Path]:
    """Yield the files that the build sees: what .dockerignore leaves, of what the steps copy."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    for top in sorted(rule[1:] for rule in rules if rule.startswith("!")):
        place = ROOT / top
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file() and not _is_ignored(file.relative_to(ROOT), rules):
                yield file.relative_to(ROOT)


def _is_ignored(path: Path, rules: list[str]) -> bool:
    ignored = False
    for rule in rules:  # the last one that fits decides
        pattern = rule.removeprefix("!")
        names = [path, *list(path.parents)[:-1]]
        fits = any(
            fnmatch.fnmatch(str(one) if not pattern.startswith("**/") else one.name, shape)
            for one in names
            for shape in [pattern.removeprefix("**/")]
            if pattern.startswith("**/") or len(one.parts) == len(Path(pattern).parts)
        )
        if fits:
            ignored = not rule.startswith("!")
    return ignored


@dataclass
class Image:
    """A built image.

    Attributes:
        root: holds its folders; `/app` is `root/app`.
        house: lends the libraries that pip would download.
        plugins: the build argument PLUGINS.
    """

    root: Path
    house: Wheelhouse
    plugins: str

    def build(self) -> None:
        """Run the steps of all stages but what installs Debian's packages."""
        builder, final = stages()
        given = {"PLUGINS": self.plugins}
        arguments = [shlex.split(value)[0].partition("=") for value in builder.values("ARG")]
        variables = {name: given.get(name, default) for name, _, default in arguments}
        assert variables.keys() >= given.keys()
        self._steps(builder, variables)
        self._lend_script("alembic")
        self._steps(final, {})

    def mapped(self, text: str) -> str:
        """Replace the image's paths in a text."""
        names = "|".join(map(re.escape, _OURS))
        return re.sub(rf"(?<![\w.])({names})(?=[/\s;:\"']|$)", rf"{self.root}\1", text)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the final stage, and what lends the libraries."""
        pairs = [word for value in stages()[-1].values("ENV") for word in shlex.split(value)]
        named = dict(pair.split("=", 1) for pair in pairs)
        path = self.mapped(named.pop("PATH")).replace("$PATH", os.environ["PATH"])
        mapped = {name: self.mapped(value) for name, value in named.items()}
        home = self.root / "tmp"
        assert named["HOME"] == "/tmp"  # noqa: S108 - the image's
        return {**mapped, "PATH": path, "HOME": str(home), "TMPDIR": str(home), **self._lent}

    def run(
        self, command: str, variables: Mapping[str, str], seconds: int = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command in the working directory, as the image's shell form does."""
        return subprocess.run(
            ["sh", "-c", self.mapped(command)],
            cwd=self.root / "app",
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    def files(self) -> set[Path]:
        """Return all its files but those in its volume and in /tmp."""
        writable = (self.root / "tmp", self.root / "var")
        found = (file for file in self.root.rglob("*") if file.is_file())
        return {file for file in found if not file.is_relative_to(writable[0])} - {
            file for file in writable[1].rglob("*") if file.is_file()
        }

    @property
    def _lent(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.house.lent)}

    def _steps(self, stage: Stage, variables: Mapping[str, str]) -> None:
        folder = self.root
        for instruction, value in stage.steps:
            if instruction == "WORKDIR":
                folder = Path(self.mapped(value))
                folder.mkdir(parents=True, exist_ok=True)
            elif instruction == "COPY":
                self._copy(value, folder)
            elif instruction == "RUN" and not any(word in value for word in _FROM_OUTSIDE):
                self._run_step(value, folder, variables)
        (self.root / "tmp").mkdir(exist_ok=True)

    def _lend_script(self, name: str) -> None:
        """Write a library's command, as pip does for one that it installs and that is not lent."""
        (entry,) = entry_points(group="console_scripts", name=name)
        folder = self.root / "opt" / "nestegg" / "bin"
        script = folder / name
        module, _, function = entry.value.partition(":")
        script.write_text(f"#!{folder}/python\nfrom {module} import {function}\n{function}()\n")
        script.chmod(0o755)

    def _copy(self, value: str, folder: Path) -> None:
        *sources, target = value.split()
        if sources[0].startswith("--from="):
            assert sources[1] == target == "/opt/nestegg"  # a folder is both stages' here
            return
        place = folder / self.mapped(target)
        seen = list(context())
        for source in sources:
            below = [file for file in seen if file == Path(source) or Path(source) in file.parents]
            assert below, f"COPY {source}: .dockerignore leaves nothing of it"
            for file in below:
                inner = file.relative_to(source) if (ROOT / source).is_dir() else Path(file.name)
                (place / inner).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / file, place / inner)

    def _run_step(self, value: str, folder: Path, variables: Mapping[str, str]) -> None:
        command = self.mapped(value)
        if os.geteuid() != 0:
            command = command.replace("-o 10001 -g 0 ", "")
        python = Path(sys.executable).parent
        env = {**self.house.variables(self.root), **variables}
        env["PATH"] = f"{python}{os.pathsep}{env['PATH']}"
        done = subprocess.run(
            ["sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
