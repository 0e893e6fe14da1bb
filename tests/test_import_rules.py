"""Who may import whom: `ARCHITECTURE.md` draws it, this holds the code to it.

A zone is a folder or module directly below `nestegg_core`. What a zone is not granted here it may
not import, not even inside a function; imports for typing alone count as well, except that the
contracts may type what they describe with other libraries.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import nestegg_core

ROOT = Path(__file__).parents[1]
CORE = "nestegg_core"
KIT = "nestegg_testing"
API = "__init__"

SEAMS = {"contracts", "errors", "files", "foreign"}
DOMAINS = {
    "auth",
    "backups",
    "doctor",
    "encryption",
    "importers",
    "jobs",
    "ledger",
    "mail",
    "observability",
    "rate_limits",
    "retention",
    "users",
}
SETTINGS = {"settings", "setting_types"}
WIRED = SEAMS | SETTINGS | DOMAINS | {API, "hookspecs", "database", "plugin_host"}
BESIDE: dict[str, set[str]] = {
    # Addresses are sealed, and found by blind indexes.
    "rate_limits": {"encryption"},
    # Who a user is and how they verify it: one domain in two packages, for its size.
    "users": {"auth", "encryption", "mail"},
    "auth": {"users", "encryption", "mail", "rate_limits"},
    # It looks at what the others keep.
    "doctor": {"backups"},
}
"""What a domain may import of the others, each with its reason."""

MAY_IMPORT: dict[str, set[str]] = {
    "contracts": set(),
    "errors": set(),
    "files": set(),
    "foreign": set(),
    "hookspecs": {"contracts"},
    API: {*SEAMS, "hookspecs", "setting_types"},
    "setting_types": set(),
    "settings": {*SEAMS, "setting_types"},
    "plugin_host": {*SEAMS, *SETTINGS, "hookspecs", "builtins"},
    "database": {*SEAMS, "setting_types"},
    **{zone: {*SEAMS, "setting_types", "database", *BESIDE.get(zone, set())} for zone in DOMAINS},
    "builtins": {*SEAMS, *DOMAINS, "setting_types", "hookspecs", "database"},
    "application": WIRED,
    "wire": WIRED | {"application"},
    "api": WIRED | {"application"},
    "demo": WIRED | {"application"},
    "server": WIRED | {"application", "api"},
    "cli": WIRED | {"application", "api", "server", "demo"},
    KIT: WIRED | {"application", "api"},
}

ZONES_OF_THEIR_OWN = {
    # For settings classes anywhere; the settings themselves are handed in by `application`.
    "nestegg_core.settings.types": "setting_types",
    # Alembic runs it as a command: nothing else imports it, and it starts from `application`.
    "nestegg_core.database.migrations.env": "cli",
}

ONLY_IN = {
    "falcon": {"api", KIT},  # the kit hands out falcon's test client
    "gunicorn": {"server"},
    "pluggy": {"hookspecs", "plugin_host"},
}

FOR_PLUGINS = {
    CORE,
    "nestegg_core.auth.oidc",
    "nestegg_core.database",
    "nestegg_core.importers.csv",
}


@dataclass(frozen=True)
class Import:
    """One imported name: `from a.b import c` is the module `a.b` with the name `c`."""

    module: str
    name: str
    line: int
    typing_only: bool


def imports_of(path: Path, module: str) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    for_typing = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for child in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, "", node.lineno, id(node) in for_typing)
        elif isinstance(node, ast.ImportFrom):
            source = absolute(node, path, module)
            for alias in node.names:
                yield Import(source, alias.name, node.lineno, id(node) in for_typing)


def absolute(node: ast.ImportFrom, path: Path, module: str) -> str:
    if not node.level:
        return node.module or ""
    package = module.split(".") if path.stem == "__init__" else module.split(".")[:-1]
    return ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])


def module_of(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def zone_of(module: str) -> str:
    if module in ZONES_OF_THEIR_OWN:
        return ZONES_OF_THEIR_OWN[module]
    return module.split(".")[1] if "." in module else API


def zone_of_file(path: Path, root: Path) -> str:
    """A domain's `__init__` says what it offers, and how `application` makes that."""
    zone = zone_of(module_of(path, root))
    is_package = path.name == "__init__.py" and path.parent.parent == root / CORE
    return "wire" if is_package and zone in DOMAINS else zone


def zone_imported(found: Import, root: Path) -> str:
    """`from nestegg_core import settings` names a module, `... import Problem` the public API."""
    place = root.joinpath(*found.module.split("."), found.name)
    if found.name and (place.is_dir() or place.with_suffix(".py").is_file()):
        return zone_of(f"{found.module}.{found.name}")
    return zone_of(found.module)


def breaches(root: Path) -> list[str]:
    """Return every breach below a copy of the repository, with file and line."""
    core = [
        f"{path.relative_to(root)}:{found.line}: {why}"
        for path in sorted((root / CORE).rglob("*.py"))
        for found in imports_of(path, module_of(path, root))
        if (why := wrong_in_core(found, zone_of_file(path, root), root))
    ]
    outside = [
        f"{path.relative_to(root)}:{found.line}: {why}"
        for folder in ("plugins", "examples")
        for path in sorted((root / folder).rglob("*.py"))
        for found in imports_of(path, path.stem)
        if (why := wrong_outside(found, path.relative_to(root), root))
    ]
    return core + outside


def wrong_outside(found: Import, path: Path, root: Path) -> str:
    """The kit builds whole applications; for it, and for no plugin, the core's zones are open."""
    if KIT in path.parts:
        return wrong_in_core(found, KIT, root)
    if found.module.split(".")[0] == KIT:
        return "" if "tests" in path.parts else f"a plugin imports {KIT} outside its tests"
    return wrong_in_plugin(found)


def wrong_in_core(found: Import, zone: str, root: Path) -> str:
    top = found.module.split(".")[0]
    if top == CORE:
        target = zone_imported(found, root)
        if target == zone or target in MAY_IMPORT.get(zone, set()):
            return ""
        return f"{zone} imports {target}"
    if top == KIT != zone or (top in ONLY_IN and zone not in ONLY_IN[top]):
        return f"{zone} imports {top}"
    if zone in SEAMS and top not in sys.stdlib_module_names and not found.typing_only:
        return f"{zone} imports {top} at run time"
    return ""


def wrong_in_plugin(found: Import) -> str:
    top = found.module.split(".")[0]
    if top in ONLY_IN:
        return f"a plugin imports {top}"
    if top != CORE:
        return ""
    if found.module not in FOR_PLUGINS:
        return f"a plugin imports {found.module}"
    if found.module == CORE and found.name not in nestegg_core.__all__:
        return f"a plugin imports {found.name or 'all'} of {CORE}, which is not public"
    return ""


def test_nobody_imports_what_is_not_granted() -> None:
    assert breaches(ROOT) == []


def test_every_zone_has_its_rule() -> None:
    zones = {zone_of(module_of(path, ROOT)) for path in (ROOT / CORE).rglob("*.py")}

    assert zones - set(MAY_IMPORT) == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        module_of(path, ROOT): {
            target
            for found in imports_of(path, module_of(path, ROOT))
            for target in (f"{found.module}.{found.name}", found.module)
            if not found.typing_only
        }
        for path in (ROOT / CORE).rglob("*.py")
    }
    graph = {module: targets & graph.keys() - {module} for module, targets in graph.items()}
    # A module is named with its package, which Python has begun to import by then.
    graph = {
        module: {target for target in targets if not module.startswith(f"{target}.")}
        for module, targets in graph.items()
    }

    TopologicalSorter(graph).prepare()  # CycleError names the circle


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("nestegg_core/contracts/x.py", "import pydantic", "contracts imports pydantic at run"),
        ("nestegg_core/errors.py", "import pydantic", "errors imports pydantic at run time"),
        ("nestegg_core/contracts/x.py", "import nestegg_core.settings", "contracts imports sett"),
        ("nestegg_core/hookspecs.py", "from nestegg_core import errors", "hookspecs imports err"),
        ("nestegg_core/database/x.py", "from ..ledger import money", "database imports ledger"),
        ("nestegg_core/database/x.py", "from .. import ledger", "database imports ledger"),
        ("nestegg_core/ledger/x.py", "from nestegg_core.users.x import y", "ledger imports users"),
        (
            "nestegg_core/ledger/x.py",
            "def f():\n import nestegg_core.users.x",
            "ledger imports use",
        ),
        (
            "nestegg_core/ledger/x.py",
            "import nestegg_core.application",
            "ledger imports application",
        ),
        (
            "nestegg_core/ledger/x.py",
            "from nestegg_core import application",
            "ledger imports application",
        ),
        ("nestegg_core/ledger/x.py", "import nestegg_core.settings.core", "ledger imports settin"),
        ("nestegg_core/ledger/x.py", "import falcon.testing", "ledger imports falcon"),
        ("nestegg_core/application.py", "import pluggy", "application imports pluggy"),
        ("nestegg_core/application.py", "import nestegg_core.api", "application imports api"),
        ("nestegg_core/api/x.py", "import nestegg_core.cli", "api imports cli"),
        ("nestegg_core/api/x.py", "import nestegg_testing", "api imports nestegg_testing"),
        ("nestegg_core/unheard_of.py", "import nestegg_core.errors", "unheard_of imports errors"),
        (
            "plugins/a/nestegg_a/x.py",
            "import nestegg_core.application",
            "imports nestegg_core.application",
        ),
        ("plugins/a/nestegg_a/x.py", "from nestegg_core import hookspecs", "which is not public"),
        ("plugins/a/nestegg_a/x.py", "from nestegg_core import *", "which is not public"),
        ("plugins/a/nestegg_a/x.py", "import nestegg_core", "which is not public"),
        ("plugins/a/nestegg_a/x.py", "from nestegg_core.database.rows import y", "database.rows"),
        ("plugins/a/nestegg_a/x.py", "import pluggy", "a plugin imports pluggy"),
        ("examples/a/x.py", "import falcon", "a plugin imports falcon"),
        ("plugins/a/nestegg_a/x.py", "import nestegg_testing", "outside its tests"),
        ("plugins/testing/nestegg_testing/x.py", "import pluggy", "nestegg_testing imports pluggy"),
        (
            "plugins/testing/nestegg_testing/x.py",
            "import nestegg_core.cli",
            "nestegg_testing imports cli",
        ),
    ],
)
def test_a_planted_breach_is_found(tmp_path: Path, file: str, text: str, why: str) -> None:
    for folder in ("ledger", "users"):
        (tmp_path / CORE / folder).mkdir(parents=True)
    for module in ("errors", "hookspecs", "application", "settings"):
        (tmp_path / CORE / f"{module}.py").touch()
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")

    (found,) = breaches(tmp_path)

    assert found.startswith(f"{file}:")
    assert why in found


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("nestegg_core/contracts/x.py", "import typing\nif typing.TYPE_CHECKING:\n import click"),
        ("nestegg_core/contracts/x.py", "from .y import z\nfrom nestegg_core.contracts import y"),
        ("nestegg_core/ledger/x.py", "from nestegg_core.database import y\nimport sqlalchemy"),
        ("nestegg_core/ledger/x.py", "from nestegg_core.settings.types import CommaList"),
        ("nestegg_core/api/x.py", "import falcon\nfrom nestegg_core.ledger.money import y"),
        ("nestegg_core/cli/x.py", "from nestegg_core.api.app import create_app"),
        ("plugins/a/nestegg_a/x.py", "from nestegg_core import hookimpl\nfrom .y import z"),
        ("plugins/a/nestegg_a/x.py", "from nestegg_core.auth.oidc import y\nimport requests"),
        ("plugins/a/tests/x.py", "from nestegg_testing import MakeApp"),
        (
            "plugins/testing/nestegg_testing/x.py",
            "import falcon\nfrom nestegg_core.api.app import y\nfrom nestegg_testing.z import w",
        ),
    ],
)
def test_what_is_granted_passes(tmp_path: Path, file: str, text: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")

    assert breaches(tmp_path) == []
