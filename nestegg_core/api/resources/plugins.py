"""Routes of plugins as operations: all that guards the core's endpoints guards theirs."""

from collections.abc import Iterable, Sequence

from nestegg_core.api.operation import PREFIX, Answer, Call, Operation
from nestegg_core.contracts.routes import Route, RouteCall


def plugin_operations(routes: Sequence[tuple[str, Route]]) -> Iterable[Operation]:
    """Return an operation for each route, below `/api/v1/x/<plugin>/organizations/{org_id}`.

    Args:
        routes: guarded, so that their handlers answer in JSON values; each with its plugin's name.
    """
    for plugin, route in routes:
        yield Operation(
            method=route.method,
            path=f"{PREFIX}/x/{plugin}/organizations/{{org_id:uuid}}{route.path}",
            answer=route.response_model,
            permission=route.permission,
            body=route.request_model,
            handler=_handler(route),
        )


class _handler:  # noqa: N801 - it is called like a function
    """Calls a plugin's handler with what the contract promises it."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self.__doc__ = route.summary
        self.__name__ = f"{route.method}_{route.path}".lower()

    def __call__(self, call: Call) -> Answer:
        params = {name: str(value) for name, value in call.params.items() if name != "org_id"}
        return Answer(
            self._route.handler(
                RouteCall(
                    org_id=call.org_id,
                    user_id=call.caller.user_id,
                    transaction=call.tx,
                    body=call.body,
                    params=params,
                )
            )
        )
