"""What libraries do not promise and we use: each part in one file, below the next minor version.

A release that takes one away fails here, by its name, before it fails in front of somebody.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import packages_distributions, version
from itertools import chain
from operator import attrgetter
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
DISTRIBUTIONS = [ROOT, *(path.parent for path in sorted(ROOT.glob("plugins/*/pyproject.toml")))]
PARTS = [
    (
        "nestegg_core/jobs/rq_worker.py",
        "rq",
        "rq",
        [
            "SimpleWorker.get_heartbeat_ttl",
            "SimpleWorker.heartbeat",
            "SimpleWorker.run_maintenance_tasks",
            "SimpleWorker.subscribe",
        ],
    ),
    (
        "nestegg_core/jobs/rq_worker.py",
        "rq",
        "rq.worker_pool",
        [
            "WorkerPool.all_workers_have_stopped",
            "WorkerPool.check_workers",
            "WorkerPool.get_worker_process",
            "WorkerPool.request_stop",
            "WorkerPool.stop_worker",
        ],
    ),
    (
        "nestegg_core/settings/loading.py",
        "pydantic-settings",
        "pydantic_settings",
        ["BaseSettings.__new__", "EnvSettingsSource.decode_complex_value"],
    ),
    ("nestegg_core/settings/loading.py", "python-dotenv", "dotenv.parser", ["parse_stream"]),
    (
        "nestegg_core/database/rows.py",
        "sqlalchemy",
        "sqlalchemy.sql.compiler",
        ["SQLCompiler.positiontup", "SQLCompiler.post_compile_params"],
    ),
    (
        "nestegg_core/database/sql_storage.py",
        "sqlalchemy",
        "sqlalchemy.exc",
        ["DBAPIError.instance"],
    ),
]


@pytest.mark.parametrize(("file", "library", "module", "names"), PARTS)
def test_a_private_part_is_where_it_was(
    file: str, library: str, module: str, names: list[str]
) -> None:
    found = import_module(module)
    for name in names:
        attrgetter(name)(found)
        assert re.search(rf"\b{name.rpartition('.')[2]}\b", (ROOT / file).read_text("utf-8")), (
            f"{file} uses {name} of {library} no more: take it from this list"
        )


@pytest.mark.parametrize("library", sorted({library for _, library, _, _ in PARTS}))
def test_a_library_whose_private_parts_are_used_is_bounded_from_above(library: str) -> None:
    declared = {each.name: each.specifier for each in dependencies(ROOT)}
    bounds = [each for each in declared[library] if each.operator == "<"]
    assert [len(Version(bound.version).release) for bound in bounds] == [2], "below a minor version"
    assert version(library) in declared[library]


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_what_is_imported_is_declared(folder: Path) -> None:
    """What comes along with another distribution may stay away with its next release."""
    # Settings of plugins are pydantic's, and the storage's tables SQLAlchemy's: the core has them.
    known = [*dependencies(folder), *dependencies(ROOT)]
    declared = {canonicalize_name(each.name) for each in known}
    brings = packages_distributions()
    (package,) = folder.glob("nestegg_*/__init__.py")
    undeclared = {
        name
        for file in package.parent.rglob("*.py")
        for name in imported(file)
        if name not in sys.stdlib_module_names | {"nestegg_core", package.parent.name}
        and not declared & {canonicalize_name(each) for each in brings.get(name, ())}
    }
    assert undeclared == set()


def dependencies(folder: Path) -> list[Requirement]:
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    optional = project.get("optional-dependencies", {}).values()
    return [Requirement(each) for each in chain(project["dependencies"], *optional)]


def imported(file: Path) -> Iterator[str]:
    """Yield the top names of what a file imports."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
