"""Writes down the contract with plugins, so that a change to it shows up as a diff.

It reads the sources, for what Python prints of a signature differs between its versions.
`make contract` runs it.
"""

import ast
import importlib.util
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path

GOLDEN = Path(__file__).with_name("contract.txt")
MODULES = (
    "nestegg_core",
    "nestegg_core.auth.oidc",
    "nestegg_core.database",
    "nestegg_core.importers.csv",
    "nestegg_testing",
)


def contract() -> str:
    """Return every name that plugins may use, with its fields, signatures and defaults."""
    lines = []
    for module in MODULES:
        lines += [f"[{module}]"]
        for name in sorted(importlib.import_module(module).__all__):
            lines += _described(module, name)
        lines += [""]
    hooks = _functions("nestegg_core.hookspecs", "hookspec")
    fixtures = _functions("nestegg_testing.pytest_plugin", "pytest.fixture")
    return "\n".join([*lines, "[hooks]", *hooks, "", "[fixtures]", *fixtures, ""])


def _functions(module: str, decorator: str) -> Iterator[str]:
    for _, node in sorted(_tree(module).items()):
        if isinstance(node, ast.FunctionDef) and decorator in map(ast.unparse, node.decorator_list):
            yield _signature(node)


@cache
def _tree(module: str) -> dict[str, ast.AST]:
    """Return what a module defines or imports at its top, by name."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin)
    found: dict[str, ast.AST] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found |= dict.fromkeys((alias.name for alias in node.names), node)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign):
            found[ast.unparse(node.target)] = node
        elif isinstance(node, ast.Assign):
            found[ast.unparse(node.targets[0])] = node
    return found


def _definition(module: str, name: str) -> ast.AST:
    """Follow imports to where a name is defined."""
    node = _tree(module)[name]
    while isinstance(node, ast.ImportFrom):
        node = _tree(str(node.module))[name]
    return node


def _described(module: str, name: str) -> Iterator[str]:
    node = _definition(module, name)
    if isinstance(node, ast.ClassDef):
        yield f"class {name}({', '.join(map(ast.unparse, node.bases))})".removesuffix("()")
        kind = getattr(importlib.import_module(module), name)
        public = set(importlib.import_module(module).__all__) - {name}
        for one in inspect.getmro(kind):
            if (
                one.__module__.startswith(("nestegg_core", "nestegg_testing"))
                and one.__name__ not in public
            ):
                found = _tree(one.__module__)[one.__name__]
                assert isinstance(found, ast.ClassDef)
                yield from (f"    {line}" for member in found.body for line in _member(member))
    elif isinstance(node, ast.FunctionDef):
        yield _signature(node)
    elif isinstance(node, ast.AnnAssign):
        yield f"{name}: {ast.unparse(node.annotation)}"
    else:
        yield ast.unparse(node)


def _member(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef) and not _is_private(node.name):
        # What a test of the kit is handed is no business of authors.
        yield f"def {node.name}" if node.name.startswith("test_") else _signature(node)
    elif isinstance(node, ast.AnnAssign | ast.Assign):
        text = ast.unparse(node)
        if not _is_private(text):
            yield text


def _is_private(name: str) -> bool:
    return name.startswith("_") and name not in {"__init__", "__call__"}


def _signature(node: ast.AST) -> str:
    assert isinstance(node, ast.FunctionDef)
    told = [f"@{ast.unparse(one)} " for one in node.decorator_list]
    marks = "".join(mark for mark in told if mark not in {"@hookspec ", "@pytest.fixture "})
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{marks}def {node.name}({ast.unparse(node.args)}){returns}"


if __name__ == "__main__":
    GOLDEN.write_text(contract(), encoding="utf-8")
