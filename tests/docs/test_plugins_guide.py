"""`docs/plugins.md` cannot fall behind the code: what it shows is the code."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from nestegg_core import hookspecs
from nestegg_testing import Conformance, conformance, pytest_plugin
from nestegg_testing.conformance.base import rule_of
from support.environments import EXAMPLE

GUIDE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"<!-- example: (\S+) -->\n```\w+\n(.*?)```\n", GUIDE, flags=re.DOTALL))
HEADINGS = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", GUIDE, flags=re.DOTALL), re.MULTILINE)
KITS = [
    kit
    for kit in vars(conformance).values()
    if isinstance(kit, type) and issubclass(kit, Conformance) and kit is not Conformance
]


def hooks() -> list[str]:
    """Return every hook with its signature, as a heading has it."""
    tree = ast.parse(inspect.getsource(hookspecs))
    return [
        f"`{node.name}({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}`"
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.returns is not None
    ]


def test_every_hook_has_a_heading_with_its_signature() -> None:
    assert [heading for heading in HEADINGS if heading.startswith("`nestegg_")] == hooks()


@pytest.mark.parametrize("path", BLOCKS)
def test_a_block_of_the_example_is_its_file(path: str) -> None:
    assert BLOCKS[path] == (EXAMPLE / path).read_text(encoding="utf-8")


def test_the_whole_example_is_shown() -> None:
    files = {
        str(path.relative_to(EXAMPLE))
        for pattern in ("*.toml", "nestegg_*/*.py", "tests/*.py")
        for path in EXAMPLE.glob(pattern)
    }
    assert set(BLOCKS) == files


def test_all_python_is_code_of_the_example() -> None:
    assert GUIDE.count("```python") == sum(path.endswith(".py") for path in BLOCKS)


@pytest.mark.parametrize("kit", KITS, ids=lambda kit: kit.__name__)
def test_every_rule_of_the_kit_stands_in_its_section(kit: type[Conformance]) -> None:
    sections = {h.lower().replace(" ", "-"): f"### {h}\n" for h in HEADINGS}
    heading = sections[kit.section]  # failures of the kit link to this anchor
    section = GUIDE.partition(heading)[2].partition("\n#")[0]
    told = " ".join(section.split())
    tests = [test for name, test in inspect.getmembers(kit) if name.startswith("test_")]
    assert tests
    assert [rule for test in tests if (rule := rule_of(test)) not in told] == []
    assert f"`{kit.__name__}`" in told


def test_every_fixture_is_listed() -> None:
    tree = ast.parse(inspect.getsource(pytest_plugin))
    fixtures = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and "pytest.fixture" in map(ast.unparse, node.decorator_list)
    }
    assert fixtures
    assert {name for name in fixtures if f"\n| `{name}` |" not in GUIDE} == set()
