"""Around the handlers of routes: an answer is what the route declares, or none."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from nestegg_core.contracts.routes import Route, RouteCall
from nestegg_core.contracts.storage import Transaction
from nestegg_core.errors import NestEggError
from nestegg_core.guards.guard import Guard

Scope = Callable[[Transaction, Callable[[str], Exception]], Transaction]
"""Makes a transaction refuse, with that error, what is not scoped to its organization."""


def guarded_route(guard: Guard, route: Route, scope: Scope) -> Route:
    """Return the route with a handler that answers in JSON values, held to `response_model`.

    The handler may raise what the framework knows, such as `NotFound`; it raises `PluginFault` in
    place of everything else, and the transaction of the call is rolled back.
    """
    return replace(route, handler=_Handler(guard, route, scope))


class _Handler:
    def __init__(self, guard: Guard, route: Route, scope: Scope) -> None:
        self._guard = guard
        self._scope = scope
        self._route = route
        self._name = f"{route.method} {route.path}"

    def __call__(self, call: RouteCall) -> Any:
        scoped = self._scope(call.transaction, lambda what: self._guard.fault(self._name, what))
        call = replace(call, transaction=scoped)
        content = self._guard.call(self._name, (NestEggError,), self._route.handler, call)
        answer = self._guard.call(self._name, (), self._as_declared, content)
        if not isinstance(answer, dict):
            raise self._guard.fault(self._name, "answered no JSON object")
        return answer

    def _as_declared(self, content: Any) -> Any:
        answer = self._route.response_model.model_validate(content).model_dump(mode="json")
        orjson.dumps(answer)  # what cannot be written out is the plugin's fault, and not the core's
        return answer
