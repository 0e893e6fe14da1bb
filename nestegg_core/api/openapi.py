"""OpenAPI 3.1, generated from the declarations that validate."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import falcon
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from nestegg_core.api.fields import Problem
from nestegg_core.api.idempotency import HEADER, KEY_PATTERN, takes_key
from nestegg_core.api.operation import PREFIX, Operation
from nestegg_core.api.problems import MEDIA_TYPE
from nestegg_core.api.validation import BOUNDS

JSON = "application/json"
SECURITY = "bearer"

_DESCRIPTION = (
    "Personal finance, self-hosted. Money is a string with its currency beside it; errors are "
    "problem documents (RFC 9457)."
)
_FIELD = re.compile(r"\{(\w+)(?::(\w+)(?:\([^)]*\))?)?\}")
_FIELD_TYPES = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
}

HEADERS: Mapping[str, str] = {
    "ETag": "Version of the row, for If-Match and If-None-Match.",
    "Location": "Path of what was made.",
    "Idempotency-Replayed": "`true` where an earlier try of the same request was answered so.",
    "WWW-Authenticate": "Why the token does not do (RFC 6750).",
    "Retry-After": "Seconds to wait before the next try.",
}
"""Headers of answers, and what they say."""


def openapi(
    operations: Iterable[Operation], version: str, base_url: str, max_json: int
) -> dict[str, Any]:
    known = list(operations)
    schemas = _Schemas(known)
    paths: dict[str, dict[str, Any]] = {}
    for op in known:
        path = paths.setdefault(_FIELD.sub(r"{\1}", op.path), {})
        path[op.method.lower()] = _operation(op, schemas, max_json)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Nest Egg", "description": _DESCRIPTION, "version": version},
        "servers": [{"url": base_url}],
        "tags": [{"name": tag} for tag in dict.fromkeys(_tag(op.path) for op in known)],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "headers": {
                name: {"description": text, "schema": {"type": "string"}}
                for name, text in HEADERS.items()
            },
            "securitySchemes": {SECURITY: {"type": "http", "scheme": "bearer"}},
        },
    }


class _Schemas:
    """The schemas of bodies and answers: a plugin's have its name before their own.

    So no plugin changes what the core's are called, whatever its models' names are.
    """

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.components: dict[str, Any] = {}
        self._refs: dict[tuple[str, Any], dict[str, str]] = {}
        for plugin in sorted({_plugin(op) for op in operations}):
            self._add(plugin, [op for op in operations if _plugin(op) == plugin])

    def of(self, op: Operation, model: type[BaseModel]) -> dict[str, str]:
        return dict(self._refs["" if model is Problem else _plugin(op), model])

    def _add(self, plugin: str, operations: Sequence[Operation]) -> None:
        models = {model for op in operations for model in (op.body, op.answer) if model is not None}
        models |= set() if plugin else {Problem}
        before = f"{plugin}." if plugin else ""
        refs, schemas = models_json_schema(
            [(model, "validation") for model in sorted(models, key=lambda one: one.__qualname__)],
            ref_template=f"#/components/schemas/{before}{{model}}",
        )
        for (model, _), ref in refs.items():
            self._refs[plugin, model] = {"$ref": str(ref["$ref"])}
        changes = {
            self._refs[plugin, op.body]["$ref"]
            for op in operations
            if op.body and op.method == "PATCH"
        }
        for name, schema in schemas.get("$defs", {}).items():
            reference = f"#/components/schemas/{before}{name}"
            self.components[before + name] = _without_defaults(schema, every=reference in changes)


def _without_defaults(schema: dict[str, Any], *, every: bool) -> dict[str, Any]:
    """Leave out defaults that say nothing (null), and those of a change.

    A field that a change leaves out stays as it is; generated clients would send its default.
    """
    for field in schema.get("properties", {}).values():
        if every or field.get("default", "") is None:
            field.pop("default", None)
    return schema


def _operation(op: Operation, schemas: _Schemas, max_json: int) -> dict[str, Any]:
    summary, description = _documentation(op)
    documented: dict[str, Any] = {
        "summary": summary,
        "description": description,
        "operationId": f"{_tag(op.path)}_{getattr(op.handler, '__name__', 'run')}",
        "tags": [_tag(op.path)],
        "security": [{}] if op.public else [{SECURITY: []}],
        "parameters": [*_of_path(op), *_of_query(op), *_of_headers(op)],
    }
    if op.upload:
        documented["requestBody"] = _UPLOAD
    elif op.body is not None:
        documented["requestBody"] = {
            "description": f"At most {max_json} bytes, {BOUNDS}.",
            "required": True,
            "content": {JSON: {"schema": schemas.of(op, op.body)}},
        }
    documented["responses"] = {
        str(status): _answer(op, status, model, schemas) for status, model in answers_of(op).items()
    }
    return documented


def _documentation(op: Operation) -> tuple[str, str]:
    """Return the first paragraph of a handler's docstring, and the others."""
    text = inspect.cleandoc(op.handler.__doc__ or "")
    first, *others = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    return first, "\n\n".join(others)


def _of_path(op: Operation) -> Iterator[dict[str, Any]]:
    for name, converter in _FIELD.findall(op.path):
        schema = _FIELD_TYPES.get(converter, {"type": "string"})
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _of_query(op: Operation) -> Iterator[dict[str, Any]]:
    if op.query is None:
        return
    schema = op.query.model_json_schema()
    for name, field in schema.get("properties", {}).items():
        yield {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            **({"description": field.pop("description")} if "description" in field else {}),
            "schema": _that_can_be_written(field),
        }


def _that_can_be_written(schema: dict[str, Any]) -> dict[str, Any]:
    """A query has no null: a parameter is left out instead."""
    kinds = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(kinds) == 1:
        schema = {**{name: schema[name] for name in schema if name != "anyOf"}, **kinds[0]}
    return {name: value for name, value in schema.items() if (name, value) != ("default", None)}


_VERSION = '"(0|[1-9][0-9]{0,8})"'


def _of_headers(op: Operation) -> Iterator[dict[str, Any]]:
    if op.asks_version:
        yield {
            "name": "If-Match",
            "in": "header",
            "required": True,
            "description": "ETag of the row that was read, or several with commas between.",
            "schema": {"type": "string", "pattern": f"^{_VERSION}( *, *{_VERSION}){{0,7}}$"},
        }
    if takes_key(op):
        yield {
            "name": HEADER,
            "in": "header",
            "required": False,
            "description": "Chosen by the caller: the same request with the same key has its "
            "effect once, and its answer is given again.",
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": 255,
                "pattern": f"^{KEY_PATTERN}$",
            },
        }


_FILE = {"type": "string", "format": "binary"}
_UPLOAD = {
    "required": True,
    "content": {
        "text/csv": {"schema": _FILE},
        "multipart/form-data": {
            "schema": {"type": "object", "properties": {"file": _FILE}, "required": ["file"]}
        },
    },
}


def answers_of(op: Operation) -> dict[int, type[BaseModel] | None]:
    """Return the model of every answer that an operation may give, by its status."""
    answers: dict[int, type[BaseModel] | None] = {op.status: op.answer}
    codes = [400, 404, 414, 422, 431, 503, *op.refusals]
    if not op.public or op.path.startswith(f"{PREFIX}/auth/"):
        codes += [401, 403]
    if op.writes:
        codes += [409, 413, 415]
    if op.writes and not op.permission:  # what users do to sign in, and for their own sign-in
        codes += [429]
    if op.asks_version:
        codes += [412, 428]
    for code in sorted(codes):
        answers.setdefault(code, Problem)
    if op.path in {"/health", "/readyz"}:
        answers[503] = op.answer
    return answers


def _answer(
    op: Operation, status: int, model: type[BaseModel] | None, schemas: _Schemas
) -> dict[str, Any]:
    phrase = falcon.code_to_http_status(status).partition(" ")[2]
    answer: dict[str, Any] = {"description": phrase}
    names = list(_headers_of(op, status))
    if names:
        answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    if model is not None:
        media_type = MEDIA_TYPE if model is Problem else JSON
        answer["content"] = {media_type: {"schema": schemas.of(op, model)}}
    return answer


def _headers_of(op: Operation, status: int) -> Iterator[str]:
    if status == op.status:
        if op.answer is not None:
            yield "ETag"
        if op.writes and status in {201, 202}:
            yield "Location"
        if takes_key(op):
            yield "Idempotency-Replayed"
    elif status in {401, 403}:
        yield "WWW-Authenticate"
    elif status in {429, 503}:
        yield "Retry-After"


def _plugin(op: Operation) -> str:
    """Return the plugin that an operation is of; empty for the core's."""
    own = op.path.removeprefix(f"{PREFIX}/x/")
    return own.partition("/")[0] if own != op.path else ""


def _tag(path: str) -> str:
    """Return the resource that a path is about: its last plain segment after the organization."""
    parts = [part for part in path.split("/") if part and "{" not in part]
    known = [part for part in parts if part not in {"api", "v1", "commit", "revert", "rows"}]
    if "organizations" in known and len(known) > 1:
        known.remove("organizations")
    return known[0]
