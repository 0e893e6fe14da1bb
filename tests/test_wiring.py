"""Services are wired in one place; a new one costs its own files and a line in `application`."""

import importlib
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from nestegg_core.application import Background, Kernel, Runtime, joined

PACKAGE = """
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from greetings.service import Greetings
    from nestegg_core.application import Kernel


@dataclass(frozen=True)
class GreetingServices:
    greetings: "Greetings"


def wire(kernel: "Kernel") -> GreetingServices:
    from greetings.service import Greetings

    return GreetingServices(Greetings(kernel.clock))
"""
SERVICE = """
class Greetings:
    def __init__(self, clock):
        self._clock = clock

    def greet(self):
        return "Good morning" if self._clock().hour < 12 else "Good day"
"""


def test_a_package_adds_a_service_by_what_it_says_of_itself(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "greetings"
    package.mkdir()
    (package / "__init__.py").write_text(PACKAGE)
    (package / "service.py").write_text(SERVICE)
    monkeypatch.syspath_prepend(tmp_path)
    greetings = importlib.import_module("greetings")

    extended = dataclass(frozen=True)(type("Extended", (greetings.GreetingServices, Runtime), {}))
    services = joined(extended, runtime, greetings.wire(runtime))

    assert services.greetings.greet() in {"Good morning", "Good day"}
    assert services.accounts is runtime.accounts


def test_a_service_that_no_package_brings_is_missed_at_once() -> None:
    with pytest.raises(TypeError, match="missing"):
        joined(Background)


def test_services_have_one_name(runtime: Runtime) -> None:
    bases = [base for base in Runtime.__mro__ if base not in {Runtime, object}]
    own = [
        name for base in bases for name in vars(base).get("__annotations__", {}) if name[0] != "_"
    ]

    assert sorted([*own, "rate_limits", "plugins", "health_checks", "routes"]) == sorted(
        field.name for field in fields(Runtime)
    )
    assert isinstance(runtime, Kernel)
