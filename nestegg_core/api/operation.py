"""What an endpoint declares: who may call it, what comes in, what goes out.

The same declaration authorises, validates and documents, for the core's endpoints and for the
routes of plugins.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import falcon
from pydantic import BaseModel

from nestegg_core.contracts.routes import Route, RouteCall
from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.paging import Page
from nestegg_core.users.access import Caller
from nestegg_core.users.roles import ACCOUNT_READ, ACCOUNT_WRITE, INSTANCE_ADMIN

F = TypeVar("F", bound=Callable[..., Any])

PREFIX = "/api/v1"
ORGANIZATION = PREFIX + "/organizations/{org_id:uuid}"

CHANGING = frozenset({"PATCH", "DELETE"})
"""Methods that ask for the version which the caller has read (RFC 9110, 13.1.1)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, authenticated, authorised and validated.

    Attributes:
        request: Falcon's own, for what is not parsed here (an uploaded file).
        params: fields of the path.
        query: an instance of the operation's `query` model, or `None`.
        body: an instance of the operation's `body` model, or `None`.
        after: where the page begins that the caller asked for; `None` for the first.
        version: from `If-Match`, for operations that change a row.
        prepared: what the operation's `prepare` returned.
        signed_in: who calls; use `caller`.
        transaction: open transaction of the organization; use `tx`.
    """

    request: falcon.Request
    params: Mapping[str, Any]
    query: Any = None
    body: Any = None
    after: tuple[Any, ...] | None = None
    version: int = 0
    prepared: Any = None
    signed_in: Caller | None = None
    transaction: Transaction | None = None

    @property
    def caller(self) -> Caller:
        if self.signed_in is None:
            raise LookupError("a public operation has no caller")
        return self.signed_in

    @property
    def tx(self) -> Transaction:
        if self.transaction is None:
            raise LookupError("the operation did not ask for a transaction")
        return self.transaction

    @property
    def org_id(self) -> UUID:
        org_id: UUID = self.params["org_id"]
        return org_id


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out.

    Attributes:
        content: JSON values, dates and UUIDs; `None` for no body.
        status: HTTP status.
        location: path of a row that was made.
        after: sort key of the page's last item, which becomes its `next`.
        cacheable: false for answers that hold a secret.
        replayed: whether an earlier try of the same request was answered so.
        afterwards: what is to be done once the organization's transaction has been committed.
    """

    content: Any
    status: int = 200
    location: str = ""
    after: tuple[Any, ...] | None = None
    cacheable: bool = True
    replayed: bool = False
    afterwards: Callable[[], None] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Operation:
    """The declaration of one endpoint; see `operation`."""

    method: str
    path: str
    answer: type[BaseModel] | None
    status: int = 200
    permission: str = ""
    own: str = ""
    refusals: tuple[int, ...] = ()
    public: bool = False
    administrators: bool = False
    opens_accounts: bool = False
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    prepare: Callable[..., Any] | None = None
    upload: bool = False
    founds: bool = False
    checks_standing: bool = True
    tag: str = ""
    handler: Callable[[Call], Answer] = field(default=lambda _: Answer(None), repr=False)

    @property
    def writes(self) -> bool:
        """Whether it gets a transaction that may write: who may only read, cannot by any method."""
        return self.method != "GET" and not self.permission.endswith(":read")

    @property
    def asks_version(self) -> bool:
        """Whether it changes a row that others change too, so that `If-Match` must come along."""
        return self.method in CHANGING and bool(self.permission or self.administrators)

    @property
    def scope(self) -> str:
        """The scope that a personal access token needs for it; a public one needs none.

        Whoever manages how they sign in needs `account:write`, which nobody can give to a
        personal token through the API; so does an administrator who opens others' accounts.
        """
        if self.administrators and not self.opens_accounts:
            return INSTANCE_ADMIN
        return self.permission or (ACCOUNT_READ if self.method == "GET" else ACCOUNT_WRITE)


def operation(method: str, path: str, **declared: Any) -> Callable[[F], F]:
    """Declare a method of a resource as an endpoint; its docstring documents it.

    Args:
        method: HTTP method.
        path: Falcon's URI template, from the root.
        declared: the further fields of `Operation`: `answer` is the model of the answer
            (documentation only: answers are encoded straight from rows), `permission` a name of
            the permission table (the path then has `org_id`), `public` an endpoint without
            sign-in, `own` a permission that is enough where the path's `user_id` is the
            caller's, `refusals` further statuses that it answers, `administrators` one for those
            of the instance alone, `opens_accounts` one of these that lets whoever calls it sign in
            as somebody, `query` and `body` the models that validate, `prepare` a method
            for slow work before the transaction is opened, `upload` takes a file as its body,
            `founds` makes an organization, in whose rows its answer is kept for a retry,
            `checks_standing` is off where the handler itself sees to a caller who was disabled or
            signed out, as hot paths do in the query that they need anyway.

    Example:
        ```python
        class Accounts:
            @operation("GET", ORGANIZATION + "/accounts/{account_id:uuid}",
                       permission="accounts:read", answer=Account)
            def read(self, call: Call) -> Answer:
                ...
        ```
    """

    def mark(function: F) -> F:
        function.operation = Operation(method, path, **declared)  # type: ignore[attr-defined]
        return function

    return mark


def page_answer(page: Page[dict[str, Any]]) -> Answer:
    return Answer({"items": page.items}, after=page.after)


def made_answer(call: Call, row: dict[str, Any]) -> Answer:
    return Answer(row, status=201, location=f"{call.request.path}/{row['id']}")


GONE = Answer(None, status=204)


def plugin_operations(routes: Sequence[tuple[str, Route]]) -> Iterable[Operation]:
    """Return an operation for each route, which is guarded, below `/api/v1/x/<plugin>`."""
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
