"""Routes: endpoints that a plugin adds to the REST API."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from pydantic import BaseModel

    from nestegg_core.contracts.storage import Transaction


@dataclass(frozen=True, slots=True)
class RouteCall:
    """One authenticated, authorised and validated call.

    Attributes:
        org_id: the organization of the path.
        user_id: who calls.
        transaction: open on that organization; it commits when the handler returns. It refuses
            statements that are not scoped: each table needs `nestegg_core.database.in_org` in every
            SELECT, and text needs `org_id = :tenant_id`.
        body: the request, as an instance of the route's `request_model`; `None` without one.
        params: the remaining fields of the path.

    Example:
        >>> call = RouteCall(UUID(int=1), UUID(int=2), None, body=None, params={"year": "2026"})
        >>> call.params["year"]
        '2026'
    """

    org_id: UUID
    user_id: UUID
    transaction: "Transaction"
    body: Any
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint at `/api/v1/x/<plugin>/organizations/{org_id}<path>`.

    Authentication, permission, tenancy, errors and OpenAPI come with it.

    Attributes:
        method: `GET`, `POST`, `PUT`, `PATCH` or `DELETE`; a reading transaction for `GET`,
            and for every method whose permission is one to read.
        path: begins with `/`; Falcon's field syntax.
        permission: a name of the permission table, e.g. `transactions:read`.
        request_model: pydantic model of the JSON body, or `None`.
        response_model: pydantic model of the answer.
        handler: returns an instance of the response model, or a mapping of its shape. It may
            raise `InvalidInput`, `NotFound`, `Forbidden` or `Conflict`; the transaction is then
            rolled back.
        summary: one line for the documentation.

    Example:
        >>> from pydantic import BaseModel
        >>> class Budget(BaseModel):
        ...     limit: str
        >>> def read_budget(call):
        ...     return Budget(limit="100.00")
        >>> Route("GET", "/budget", "accounts:read", None, Budget, read_budget, "Read it").path
        '/budget'
    """

    method: str
    path: str
    permission: str
    request_model: type["BaseModel"] | None
    response_model: type["BaseModel"]
    handler: Callable[[RouteCall], Any]
    summary: str
