"""What a JSON body may be made of, before a model looks at it.

A model reports every wrong value, and each report costs a hundred times the bytes that caused it:
a body of some kilobytes could ask for megabytes. So it is bounded first, and what readers of JSON
do not agree about (RFC 8259, 4: a name that stands twice) is refused.
"""

import errno
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import falcon
import structlog
from pydantic import BaseModel, ValidationError

from nestegg_core.errors import FieldProblem, InvalidInput

MAX_VALUES = 5_000
"""Members of all objects and items of all lists together."""

MAX_DEPTH = 32
"""Objects and lists within one another."""

BOUNDS = f"at most {MAX_VALUES} values, at most {MAX_DEPTH} objects and lists within one another"


def require_bounded(raw: bytes) -> None:
    """Refuse a body that validation would cost too much for, or that can be read in two ways."""
    try:
        document = json.loads(raw, object_pairs_hook=_object, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise malformed() from None
    _require_few_values(document)


def malformed() -> falcon.HTTPBadRequest:
    return falcon.HTTPBadRequest(
        title="Malformed JSON", description="The body is no JSON document."
    )


def _no_number(_name: str) -> None:
    """Refuse `NaN` and `Infinity`, which Python reads and JSON does not have."""
    raise ValueError


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise falcon.HTTPBadRequest(
            title="Ambiguous JSON", description="An object of the body has the same name twice."
        )
    return members


def _require_few_values(document: Any) -> None:
    level, count, depth = [document], 0, 0
    while nested := [one for one in level if isinstance(one, dict | list)]:
        level = [part for one in nested for part in _parts(one)]
        count, depth = count + len(level), depth + 1
        if count > MAX_VALUES:
            raise InvalidInput.one("", "too_many_values", f"may have {BOUNDS}")
        if depth > MAX_DEPTH:
            raise InvalidInput.one("", "too_deep", f"may have {BOUNDS}")


def _parts(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


MAX_POINTER = 100
MAX_PARAMETERS = 100

_OUR_OWN = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE})
"""What fails on this machine while it keeps a body; all else that a read raises is the client's."""

_log = structlog.get_logger("nestegg.web")

# pydantic's own words for these repeat a part of the input.
_WORDS = {
    "uuid_parsing": "must be a UUID",
    "uuid_type": "must be a UUID in a string",
    "extra_forbidden": "is not known here",
    "missing": "is required",
    "int_parsing": "must be a whole number",
    "bool_parsing": "must be true or false",
    "string_pattern_mismatch": "does not look as it should",
}


class TooLarge(falcon.HTTPContentTooLarge):
    """The body is over the server's limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            title="Content Too Large", description=f"A body may have at most {limit} bytes."
        )


def read_body(req: falcon.Request, limit: int) -> bytes:
    """Return the body's bytes.

    Raises:
        TooLarge: there are more than `limit`; no more than that is read.
        falcon.HTTPUnsupportedMediaType: it is compressed, or coded otherwise.
        falcon.HTTPBadRequest: the client went away, or did not send what it announced.
    """
    _refuse_coded(req)
    if req.content_length is not None and req.content_length > limit:
        raise TooLarge(limit)
    # Without a length Falcon's bounded stream is empty; the server ends a chunked one itself.
    chunked = req.content_length is None and req.env.get("wsgi.input_terminated")
    stream = req.stream if chunked else req.bounded_stream
    body = _sent(stream, limit + 1)
    if len(body) > limit:
        raise TooLarge(limit)
    if req.content_length is not None and len(body) < req.content_length:
        raise _broken("it ends early")
    return body


def _refuse_coded(req: falcon.Request) -> None:
    """Take bodies as they are: a compressed one grows beyond every limit when it is opened."""
    codings = (req.get_header("Content-Encoding") or "").lower().split(",")
    if not {one.strip() for one in codings} <= {"", "identity"}:
        raise falcon.HTTPUnsupportedMediaType(
            title="Unsupported Media Type",
            description="Send the body as it is, without Content-Encoding.",
            headers={"Accept-Encoding": "identity"},
        )


def _sent(stream: Any, limit: int) -> bytes:
    """Read what the client sends; a phone that loses its network is no fault of this server."""
    try:
        body: bytes = stream.read(limit)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OUR_OWN:
            raise
        raise _broken(type(error).__name__) from None
    return body


def _broken(cause: str) -> falcon.HTTPBadRequest:
    _log.info("a request's body is broken", cause=cause)
    return falcon.HTTPBadRequest(
        title="Broken Body", description="The body ends early, or is not framed as it should be."
    )


def validate(
    req: falcon.Request, query: type[BaseModel] | None, body: type[BaseModel] | None, max_json: int
) -> tuple[Any, Any]:
    """Return query and body as instances of their models, or raise with every problem of both."""
    problems: list[FieldProblem] = []
    parsed_query = parsed_body = None
    if req.query_string.count("&") >= MAX_PARAMETERS:  # a repeated one is one of `params`
        raise InvalidInput.one("", "too_many_parameters", f"at most {MAX_PARAMETERS} parameters")
    if query is not None:
        try:
            parsed_query = query.model_validate(req.params)
        except ValidationError as error:
            problems += [_told_of_twice(one, req) for one in _problems(error, "")]
    if body is not None:
        raw = req.context.content = _json_bytes(req, max_json)
        require_bounded(raw)
        try:
            parsed_body = body.model_validate_json(raw, strict=True)
        except ValidationError as error:
            _refuse_malformed(error)
            problems += _problems(error, "/")
    if problems:
        raise InvalidInput(problems)
    return parsed_query, parsed_body


def _json_bytes(req: falcon.Request, max_json: int) -> bytes:
    media_type = (req.content_type or "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise falcon.HTTPUnsupportedMediaType(
            title="Unsupported Media Type", description="Send Content-Type: application/json."
        )
    return read_body(req, max_json)


def _refuse_malformed(error: ValidationError) -> None:
    for one in error.errors(include_input=False, include_url=False):
        if one["type"] == "json_invalid":
            raise malformed()


def _problems(error: ValidationError, prefix: str) -> list[FieldProblem]:
    return [
        FieldProblem(
            pointer=_pointer(one["loc"], prefix),
            code=one["type"],
            detail=_WORDS.get(one["type"], one["msg"]),
        )
        for one in error.errors(include_input=False, include_url=False)
    ]


def _told_of_twice(problem: FieldProblem, req: falcon.Request) -> FieldProblem:
    """Say of a parameter that is refused for it that it stands more than once."""
    if isinstance(req.params.get(problem.pointer), list):
        return replace(problem, code="given_twice", detail="is given twice")
    return problem


def _pointer(location: tuple[int | str, ...], prefix: str) -> str:
    """Return a JSON pointer (RFC 6901), or the plain name of a parameter."""
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in location]
    return (prefix + "/".join(parts))[:MAX_POINTER] if parts else ""
