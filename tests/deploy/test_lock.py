"""The image's libraries are locked: each at one version, by hashes, within our own bounds."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.environments import PLUGINS, ROOT

FOLDER = ROOT / "deploy" / "image"
FILES = [FOLDER / "build.txt", FOLDER / "requirements.txt"]


def locked(file: Path) -> dict[str, str]:
    """Return the version of each library."""
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", file.read_text("utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def wanted(folder: Path) -> list[Requirement]:
    """Return what a distribution asks for, but for our own."""
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    asked = map(Requirement, project["dependencies"])
    return [one for one in asked if not one.name.startswith("nestegg-")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_library_has_one_version_and_hashes_and_no_host_is_named(file: Path) -> None:
    text = file.read_text("utf-8")
    entries = re.findall(
        r"^[\w.-]+==\S+ .*\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", text, re.MULTILINE
    )

    assert "".join(entries) == text
    assert len(locked(file)) == len(entries)
    assert not re.search(r"https?:|//|@|--(index|find|extra|trusted)", text)


@pytest.mark.parametrize("folder", [ROOT, *PLUGINS], ids=lambda folder: folder.name)
def test_the_lock_has_what_core_and_plugins_ask_for(folder: Path) -> None:
    versions = locked(FOLDER / "requirements.txt")
    for one in wanted(folder):
        assert one.specifier.contains(versions[canonicalize_name(one.name)]), one


def test_the_lock_has_what_builds_our_wheels() -> None:
    versions = locked(FOLDER / "build.txt")
    for folder in (ROOT, *PLUGINS):
        system = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["build-system"]
        for one in map(Requirement, system["requires"]):
            assert one.specifier.contains(versions[canonicalize_name(one.name)]), one


def test_the_image_takes_libraries_by_their_hashes_alone() -> None:
    steps = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", "")
    taking = re.findall(r"pip (?:install|wheel) [^;&\n]+", steps)

    assert len(taking) == 6
    for step in taking:
        assert any(word in step for word in ("--require-hashes", "--no-deps", "--no-index")) or (
            step.strip() == "pip install --no-cache-dir $PACKAGES"
        ), step
