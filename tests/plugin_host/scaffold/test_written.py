"""What the scaffold writes, before it is installed."""

import os
import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

from nestegg_core.cli import main
from nestegg_core.plugin_host.scaffold import bounds, names_for
from support.environments import ROOT, ran

RUFF = [sys.executable, "-m", "ruff"]


def test_every_distribution_has_all_its_parts(scaffolded: dict[str, Path]) -> None:
    for kind, folder in scaffolded.items():
        names = names_for(kind, "acme-one")
        files = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
        assert files == {
            ".github/workflows/test.yml",
            ".gitignore",
            "README.md",
            "pyproject.toml",
            f"{names.package}/__init__.py",
            f"{names.package}/py.typed",
            "tests/test_acme_one.py",
        }
        assert folder.name == names.distribution


def test_it_is_bound_to_the_cores_release(scaffolded: dict[str, Path]) -> None:
    for folder in scaffolded.values():
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        assert project["dependencies"] == [f"nestegg-core{bounds(version('nestegg-core'))}"]
        assert project["entry-points"]["nestegg.plugins"]


def test_no_placeholder_is_left(scaffolded: dict[str, Path]) -> None:
    for folder in scaffolded.values():
        for path in folder.rglob("*"):
            if path.is_file():
                text = path.read_text().replace("${{ matrix.python-version }}", "")
                assert "$" not in text, path


def test_the_readme_lists_every_variable(scaffolded: dict[str, Path]) -> None:
    for folder in scaffolded.values():
        [package] = folder.glob("nestegg_*")
        source = (package / "__init__.py").read_text()
        fields = re.findall(r"^    (\w+): .+ = Field\(", source, flags=re.MULTILINE)
        fields += ["oidc_allow_loopback_http"] * ("OidcSettings" in source)
        rows = re.findall(r"^\| `([A-Z_]+)` \|", (folder / "README.md").read_text(), re.MULTILINE)
        assert rows == [field.upper() for field in fields], folder.name


def test_it_is_clean_under_ruff_and_mypy(scaffolded: dict[str, Path]) -> None:
    config = str(ROOT / "pyproject.toml")
    for folder in scaffolded.values():  # each by itself, as its author has it
        # Other tests read every file that stands here: a cache would be one of them.
        ran([*RUFF, "check", "--no-cache", "--config", config, "."], cwd=folder)
        ran([*RUFF, "format", "--check", "--no-cache", "--config", config, "."], cwd=folder)
    folders = list(scaffolded.values())
    path = os.pathsep.join(map(str, [ROOT, *folders]))
    packages = [str(package) for folder in folders for package in folder.glob("nestegg_*")]
    command = [sys.executable, "-m", "mypy", "--config-file", config, "--follow-imports=silent"]
    ran([*command, *packages], env={**os.environ, "MYPYPATH": path}, cwd=folders[0].parent)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    arguments = ["plugin", "new", "storage", "acme", "--to", str(tmp_path / "new")]
    first = CliRunner().invoke(main, arguments)
    assert first.exit_code == 0, first.output
    readme = tmp_path / "new" / "nestegg-storage-acme" / "README.md"
    readme.write_text("mine")

    second = CliRunner().invoke(main, arguments)

    assert second.exit_code == 1
    assert "already, and nothing was written" in second.output
    assert readme.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["storage", "Acme"], 2, "NAME must be lower-case words"),
        (["storage", "sqlite"], 1, "The core itself has the storage 'sqlite'"),
        (["statement-importer", "csv"], 1, "Choose another NAME"),
        (["widget", "acme"], 2, "'widget' is not one of"),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, arguments: list[str], code: int, told: str) -> None:
    result = CliRunner().invoke(main, ["plugin", "new", *arguments, "--to", str(tmp_path)])
    assert (result.exit_code, told in result.output) == (code, True), result.output
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    arguments = ["plugin", "new", "storage", "acme", "--to", str(tmp_path / "file" / "below")]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, "Cannot write below" in result.output) == (1, True), result.output
