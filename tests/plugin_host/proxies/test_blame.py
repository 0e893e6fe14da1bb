"""An unexpected error is the plugin's when its code raised it, and nobody else's."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from nestegg_core.plugin_host.proxies import FaultAttribution, Guard


def module(name: str, source: str) -> dict[str, Any]:
    """Return the names of a module of that name."""
    names: dict[str, Any] = {"__name__": name}
    exec(source, names)  # noqa: S102 - the frames must belong to a module that is not there
    return names


def caught(function: Callable[[], Any]) -> BaseException:
    with pytest.raises(ZeroDivisionError) as error:
        function()
    return error.value


FAIL = "def fail(): return 1 / 0"
CALL = "def call(what): return what()"


def test_the_innermost_code_that_is_the_cores_or_a_plugins_decides(guard: Guard) -> None:
    plugin = module("acme_package.inner", f"{FAIL}\n{CALL}")
    core = module("nestegg_core.database", f"{FAIL}\n{CALL}")
    library = module("some_library", f"{FAIL}\n{CALL}")
    attribution = FaultAttribution({"acme_package": guard})

    def fault(*chain: Callable[..., Any]) -> Any:
        *callers, last = chain
        called: Any = last
        for caller in reversed(callers):
            called = partial(caller, called)
        return attribution.attribute(caught(called))

    assert fault(core["call"], plugin["fail"]).call == "fail"
    assert fault(core["call"], plugin["call"], library["fail"]).call == "call"
    assert fault(plugin["call"], core["fail"]) is None
    assert fault(core["call"], library["call"], library["fail"]) is None
    assert fault(library["fail"]) is None


def test_the_fault_is_recorded_with_its_cause(guard: Guard, recorded: Any) -> None:
    error = caught(module("acme_package", FAIL)["fail"])
    fault = FaultAttribution({"acme_package": guard}).attribute(error)
    assert recorded.faults == [("fail", fault)]
    assert fault is not None
    assert fault.__cause__ is error
