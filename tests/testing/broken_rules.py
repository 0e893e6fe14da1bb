"""Runs the kit on faulty implementations, and tells which rules it found broken."""

import importlib.util
import shutil
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nestegg_testing.conformance.base import Conformance, rule_of

FAULTY = Path(__file__).with_name("faulty")
QUIET = (
    "--tb=short",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:schemathesis",
    "-p",
    "no:hypothesispytest",
)


class Faults:
    """The conformance classes of a file; each says in `breaks` which tests its fault must fail.

    Args:
        name: the file in `faulty`.
        narrow: whether to try on each fault only the tests that it must fail, where the tests
            take long, and not those that others must fail as well.
    """

    def __init__(self, name: str, *, narrow: bool = False) -> None:
        self.narrow = narrow
        self.source = FAULTY / f"{name}.py"
        found = vars(_imported(self.source))
        self.classes: dict[str, Any] = {k: v for k, v in found.items() if k.startswith("Test")}

    @property
    def breaks(self) -> dict[str, set[str]]:
        return {name: kind.breaks for name, kind in self.classes.items()}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what no fault breaks, such as the many attacks on other weaknesses."""
        anywhere = set().union(*self.breaks.values())
        items[:] = [item for item in items if item.name in self._tried(item, anywhere)]

    def _tried(self, item: pytest.Item, anywhere: set[str]) -> set[str]:
        assert item.parent is not None
        return self.breaks[item.parent.name] if self.narrow else anywhere

    def run(self, pytester: pytest.Pytester) -> dict[str, set[str]]:
        """Return the names of the failed tests, by class; each failure must name its rule."""
        shutil.copy(self.source, pytester.path / f"test_{self.source.name}")
        run = pytester.inline_run(*QUIET, plugins=[self])
        broken: dict[str, set[str]] = defaultdict(set)
        for report in run.getreports("pytest_runtest_logreport"):
            assert isinstance(report, pytest.TestReport)
            if report.failed:
                _, kind, test = report.nodeid.split("::", 2)
                self._check(report, self.classes[kind], test)
                broken[kind].add(test)
        return dict(broken)

    def _check(self, report: pytest.TestReport, kind: type[Conformance], test: str) -> None:
        assert report.when == "call", report.longreprtext
        rule = rule_of(getattr(kind, test.partition("[")[0]))
        assert f"rule: {rule} (docs/plugins.md#{kind.section})" in report.longreprtext

    def untouched(self) -> set[str]:
        """Return the tests of the kit that no fault breaks."""
        kit = next(iter(self.classes.values()))
        broken = {name.partition("[")[0] for names in self.breaks.values() for name in names}
        return {name for name in dir(kit) if name.startswith("test_")} - broken


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
