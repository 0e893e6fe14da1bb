"""Writes the first version of a plugin: a distribution that installs and passes its own tests.

The templates lie beside this module and are part of the core's wheel, so that they cannot fall
behind it; a test generates, installs and tests one of every kind.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template

from nestegg_core.contracts.names import CONTRACT_VERSION, LONGEST

_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class _Kind:
    folder: str
    purpose: str


KINDS: Mapping[str, _Kind] = {
    "identity-provider": _Kind("idp", "Sign in to Nest Egg with {}"),
    "encryption-backend": _Kind("encryption", "Encrypt Nest Egg's personal data with {}"),
    "retention-policy": _Kind("retention", "The retention policy {} for Nest Egg"),
    "metrics-exporter": _Kind("metrics", "Send Nest Egg's metrics to {}"),
    "storage": _Kind("storage", "Keep Nest Egg's data in {}"),
    "statement-importer": _Kind("import", "Import statements of {} into Nest Egg"),
    "error-reporter": _Kind("errors", "Report Nest Egg's failures to {}"),
}
"""Every kind that can be scaffolded."""


class InvalidName(ValueError):
    """The message says what a name must be like."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one new plugin: operators write `name` in settings, the entry point is `plugin`.

    The fields' and variables' names begin as `plugin` does; `scheme` is how a storage's URLs begin.
    """

    kind: str
    name: str
    plugin: str
    package: str
    distribution: str
    class_name: str
    title: str
    description: str
    scheme: str

    @property
    def variable(self) -> str:
        return self.plugin.upper()


def names_for(kind: str, name: str) -> Names:
    """Derive every name of a plugin of one of `KINDS`; raise InvalidName."""
    folder = KINDS[kind].folder
    words = re.split(r"[_-]", name)
    if not _NAME.fullmatch(name):
        raise InvalidName(
            "NAME must be lower-case words of letters and digits with - or _ between, and begin "
            "with a letter, e.g. legal-hold"
        )
    if len(name) > LONGEST:
        raise InvalidName(f"NAME must have at most {LONGEST} characters")
    if words[0] in {"nestegg", folder}:
        raise InvalidName(
            f"leave {words[0]!r} out of NAME: the distribution is called nestegg-{folder}-NAME"
        )
    title = " ".join(words).capitalize()
    return Names(
        kind=kind,
        name="_".join(words),
        plugin="_".join([folder, *words]),
        package="_".join(["nestegg", folder, *words]),
        distribution="-".join(["nestegg", folder, *words]),
        class_name="".join(word.capitalize() for word in words),
        title=title,
        description=KINDS[kind].purpose.format(title),
        scheme="".join(words),
    )


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
