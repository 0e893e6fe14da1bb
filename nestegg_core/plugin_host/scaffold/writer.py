"""Fills the templates in."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template

from nestegg_core.contracts.names import CONTRACT_VERSION
from nestegg_core.plugin_host.scaffold.names import Names

_SUFFIX = ".tmpl"


def write(names: Names, parent: Path, core_version: str) -> Path:
    """Write a distribution into a new folder; raise FileExistsError where there is one already."""
    folder = parent / names.distribution
    parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir()
    values = {**asdict(names), "VARIABLE": names.variable, "bounds": bounds(core_version)}
    readme = _template(names.kind, "settings.md").substitute(values)
    values["settings"] = readme.rstrip()
    for path, template in _templates(names):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(template.substitute(values), encoding="utf-8")
    return folder


def bounds(core_version: str) -> str:
    """Return the extra that names the contract, and the core's release as the lower bound."""
    found = re.match(r"\d+\.\d+", core_version)
    contract = CONTRACT_VERSION.partition(".")[0]
    return f"[contract-{contract}]>={found[0] if found else '0.0'}"


def _templates(names: Names) -> Iterator[tuple[PurePosixPath, Template]]:
    yield from _below(_root() / "common", PurePosixPath())
    package = PurePosixPath(names.package)
    yield package / "py.typed", Template("")
    yield package / "__init__.py", _template(names.kind, "plugin.py")
    yield PurePosixPath("tests", f"test_{names.name}.py"), _template(names.kind, "tests.py")


def _below(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, Template]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, path / entry.name)
        elif entry.name.endswith(_SUFFIX):
            text = entry.read_text(encoding="utf-8")
            yield path / entry.name.removesuffix(_SUFFIX), Template(text)


def _template(kind: str, name: str) -> Template:
    path = _root() / kind / f"{name}{_SUFFIX}"
    return Template(path.read_text(encoding="utf-8"))


def _root() -> Traversable:
    return files("nestegg_core.plugin_host.scaffold") / "templates"
