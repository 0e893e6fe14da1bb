"""OpenAPI 3.1 and its page, generated from the declarations that validate.

spectree documents; our endpoints validate, for its own answer to bad input repeats the input
and stops at the first bad part.
"""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any

import falcon
import orjson
from pydantic import Field
from spectree import Response, SecurityScheme, SpecTree
from spectree.models import SecureType, SecuritySchemeData
from spectree.page import PAGE_TEMPLATES
from spectree.plugins.falcon_plugin import FalconPlugin

from nestegg_core.web.fields import RequestModel
from nestegg_core.web.idempotency import HEADER
from nestegg_core.web.models.common import Problem
from nestegg_core.web.operation import PREFIX, Operation
from nestegg_core.web.problems import MEDIA_TYPE

SECURITY = "bearer"

Responder = Callable[..., None]


class IfMatch(RequestModel):
    """The header of a change."""

    if_match: Annotated[
        str,
        Field(
            alias="If-Match",
            pattern='^"[0-9]{1,9}"$',
            description="ETag of the row that was read.",
        ),
    ]


class IdempotencyKey(RequestModel):
    """The header of a POST that may be sent again."""

    idempotency_key: Annotated[
        str | None,
        Field(
            alias=HEADER,
            min_length=1,
            max_length=255,
            description="Chosen by the caller: the same request with the same key has its effect "
            "once, and its answer is given again.",
        ),
    ] = None


class _Documentation(FalconPlugin):
    """spectree's Falcon plugin, which here documents only."""

    def validate(self, func: Responder, *args: Any, **kwargs: Any) -> None:
        """Pass the request on: what spectree passes beside it are its own settings."""
        func(*args[_SPECTREE_ARGUMENTS:], **kwargs)

    def bypass(self, func: Any, method: str) -> bool:
        """Leave out what is no operation, such as Falcon's own answer to OPTIONS."""
        del method
        return self.spectree.get_function_metadata(func) is None

    def register_route(self, app: Any) -> None:
        """Add no routes of spectree's own: `Documents` serves both pages."""


_SPECTREE_ARGUMENTS = 11


class _Collector(SpecTree):
    """spectree, which otherwise makes the schema of a model for each operation that uses it."""

    def _add_model(self, model: Any, mode: Any = "validation") -> str:
        name = str(self.naming_strategy(model))
        return name if name in self.models else super()._add_model(model, mode)


class OpenApi:
    """Collects operations while an app is made, and writes its document.

    One for each app: a shared one would serve the first app's document to all.
    """

    def __init__(self, version: str) -> None:
        self._spectree = _Collector(
            backend=_Documentation,
            title="Nest Egg",
            version=version,
            description="Personal finance, self-hosted. Money is a string with its currency "
            "beside it; errors are problem documents (RFC 9457).",
            mode="strict",
            annotations=False,
            naming_strategy=lambda model: model.__name__,
            nested_naming_strategy=lambda _parent, child: child,
            validation_error_model=Problem,
            security_schemes=[
                SecurityScheme(
                    name=SECURITY,
                    data=SecuritySchemeData(type=SecureType.HTTP, scheme="bearer"),
                )
            ],
        )
        self._uploads: set[str] = set()

    def documented(self, op: Operation, responder: Responder) -> Responder:
        """Return the responder of an operation, known to the document."""
        responder.__doc__ = op.handler.__doc__
        operation_id = f"{_tag(op.path)}_{getattr(op.handler, '__name__', 'run')}"
        if op.upload:
            self._uploads.add(operation_id)
        documented: Responder = self._spectree.validate(
            query=op.query,
            json=op.body,
            headers=_headers(op),
            resp=Response(**answers_of(op)),
            tags=[_tag(op.path)],
            security={} if op.public else {SECURITY: []},
            operation_id=operation_id,
        )(responder)
        return documented

    def document(self, app: Any) -> bytes:
        """Return the document of an app whose routes have all been added, as JSON."""
        self._spectree.app = app
        document = self._spectree.spec
        for path in document["paths"].values():
            for one in path.values():
                _as_problems(one)
                if one["security"] == []:
                    one["security"] = [{}]
                if one["operationId"] in self._uploads:
                    one["requestBody"] = _UPLOAD
        return orjson.dumps(document)


_UPLOAD = {
    "required": True,
    "content": {
        "text/csv": {"schema": {"type": "string", "format": "binary"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            }
        },
    },
}


def _headers(op: Operation) -> type[RequestModel] | None:
    if op.asks_version:
        return IfMatch
    return IdempotencyKey if op.method == "POST" and op.permission else None


def answers_of(op: Operation) -> dict[str, Any]:
    """Return the model of every answer that an operation may give, by `HTTP_` and its status."""
    answers: dict[str, Any] = {f"HTTP_{op.status}": op.answer}
    codes = [400, 404, 422, 503, *op.refusals]
    if not op.public or op.path.startswith(f"{PREFIX}/auth/"):
        codes += [401]
    if not op.public:
        codes += [403]
    if op.writes:
        codes += [409, 413, 415]
    if op.writes and not op.permission:  # what people do to sign in, and for their own sign-in
        codes += [429]
    if op.asks_version:
        codes += [412, 428]
    for code in codes:
        answers.setdefault(f"HTTP_{code}", Problem)
    if op.path in {"/health", "/readyz"}:
        answers["HTTP_503"] = op.answer
    return answers


def _as_problems(one: dict[str, Any]) -> None:
    """Errors have a media type of their own, which spectree cannot say."""
    for answer in one["responses"].values():
        content = answer.get("content", {}).get("application/json")
        if content and content["schema"].get("$ref", "").endswith("/Problem"):
            answer["content"] = {MEDIA_TYPE: content}


def _tag(path: str) -> str:
    """Return the resource that a path is about: its last plain segment after the organization."""
    parts = [part for part in path.split("/") if part and "{" not in part]
    known = [part for part in parts if part not in {"api", "v1", "commit", "revert", "rows"}]
    if "organizations" in known and len(known) > 1:
        known.remove("organizations")
    return known[0]


_NOTHING_FROM_ELSEWHERE = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page, whose scripts stand in it."""


@cache
def _page() -> bytes:
    page = PAGE_TEMPLATES["swagger"].format(spec_url="/openapi.json")
    # Without this Swagger UI tells a validator on the internet where the document is.
    return page.replace("url: '/openapi", "validatorUrl: null,\n        url: '/openapi", 1).encode()


class Documents:
    """`/openapi.json` and `/docs`; the page brings its scripts along and works offline."""

    def __init__(self, document: bytes) -> None:
        self._document = document
        self._page = _page()
        self.on_head, self.on_head_page = self.on_get, self.on_get_page

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Serve the document."""
        resp.content_type = "application/json"
        resp.data = self._document

    def on_get_page(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Serve the page."""
        resp.content_type = falcon.MEDIA_HTML
        resp.set_header("Content-Security-Policy", _NOTHING_FROM_ELSEWHERE)
        resp.data = self._page
