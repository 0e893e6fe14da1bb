"""Runs an operation: validate, authorise, call, answer. The only place that does."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import falcon
import orjson

from nestegg_core import foreign
from nestegg_core.api.documents import Options, known, versions
from nestegg_core.api.idempotency import Idempotency, refuse_vain_key, takes_key
from nestegg_core.api.operation import Answer, Call, Operation
from nestegg_core.api.validation import validate
from nestegg_core.contracts.storage import Transaction
from nestegg_core.errors import InvalidInput, StaleVersion, VersionRequired
from nestegg_core.users.access import Access, require_scope

_TAG_BYTES = 16


class Cursors:
    """Writes and reads cursors: opaque and signed, each for the one list that it was made for."""

    def __init__(self, secret_key: str, previous_key: str | None = None) -> None:
        secrets = [secret_key, *([previous_key] if previous_key else [])]
        self._keys = [
            hmac.digest(secret.encode(), b"nestegg cursor", hashlib.sha256) for secret in secrets
        ]

    def write(self, path: str, position: tuple[Any, ...]) -> str:
        payload = orjson.dumps(position)
        tag = self._tag(self._keys[0], path, payload)
        return base64.urlsafe_b64encode(tag + payload).decode().rstrip("=")

    def read(self, path: str, cursor: str) -> tuple[Any, ...]:
        try:
            raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"==")
        except (UnicodeEncodeError, binascii.Error):
            raw = b""
        tag, payload = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if not any(hmac.compare_digest(tag, self._tag(key, path, payload)) for key in self._keys):
            raise InvalidInput.one("cursor", "bad_cursor", "Use `next` of a page of this list.")
        return tuple(orjson.loads(payload))

    def _tag(self, key: bytes, path: str, payload: bytes) -> bytes:
        message = path.encode() + b"\0" + payload
        return hmac.digest(key, message, hashlib.sha256)[:_TAG_BYTES]


MEDIA_TYPE = "application/json"


class Endpoint(Options):
    """The Falcon resource of one path: an operation for each of its methods."""

    def __init__(
        self, access: Access, cursors: Cursors, idempotency: Idempotency, max_json: int
    ) -> None:
        self._access = access
        self._cursors = cursors
        self._idempotency = idempotency
        self._max_json = max_json
        self.operations: dict[str, Operation] = {}

    def run(self, op: Operation, req: falcon.Request, resp: falcon.Response, **params: Any) -> None:
        """Answer one request. Models, handlers and the storage may be a plugin's."""
        foreign.contained(self._run, op, req, resp, params)

    def _run(
        self, op: Operation, req: falcon.Request, resp: falcon.Response, params: Mapping[str, Any]
    ) -> None:
        self._admit(op, req)  # before anything of the request is read
        refuse_vain_key(op, req)
        named = _required_versions(req) if op.asks_version else [0]
        call = self._call(op, req, params)
        answer = self._answer(op, call, named)
        self._write(op, req, resp, answer)

    def _admit(self, op: Operation, req: falcon.Request) -> None:
        """Refuse whom an operation is not for; an organization's access sees to it."""
        if op.public or op.permission:
            return
        caller = req.context.caller
        if op.administrators:
            self._access.administrator(caller, op.scope)
        elif op.checks_standing:
            self._access.account(caller, op.scope)
        else:
            require_scope(caller, op.scope)

    def _call(self, op: Operation, req: falcon.Request, params: Mapping[str, Any]) -> Call:
        query, body = validate(req, op.query, op.body, self._max_json)
        cursor = getattr(query, "cursor", None)
        return Call(
            request=req,
            params=params,
            query=query,
            body=body,
            after=self._cursors.read(req.path, cursor) if cursor else None,
            version=0,
            signed_in=req.context.get("caller"),
        )

    def _answer(self, op: Operation, call: Call, named: list[int]) -> Answer:
        """Change the row at one of the named versions: each is tried in its own transaction."""
        *others, last = named
        for version in others:
            with suppress(StaleVersion):
                return self._at_version(op, replace(call, version=version))
        return self._at_version(op, replace(call, version=last))

    def _at_version(self, op: Operation, call: Call) -> Answer:
        return self._in_organization(op, call) if op.permission else op.handler(call)

    def _in_organization(self, op: Operation, call: Call) -> Answer:
        if op.prepare is not None:
            with self._open(op, call, write=False):
                pass  # whoever may not do it shall not make the server prepare it
            call = replace(call, prepared=op.prepare(call))
        with self._open(op, call, write=op.writes) as tx:
            call = replace(call, transaction=tx)
            once = self._idempotency.once if takes_key(op) else None
            answer = once(call, op.handler) if once else op.handler(call)
        if answer.afterwards is not None:
            answer.afterwards()
        return answer

    def _open(
        self, op: Operation, call: Call, *, write: bool
    ) -> AbstractContextManager[Transaction]:
        permission = op.permission
        if op.own and call.params["user_id"] == call.caller.user_id:
            permission = op.own
        return self._access.organization(call.caller, call.org_id, permission, write=write)

    def _write(
        self, op: Operation, req: falcon.Request, resp: falcon.Response, answer: Answer
    ) -> None:
        resp.status = falcon.code_to_http_status(answer.status)
        if answer.location:
            resp.set_header("Location", answer.location)
        if answer.replayed:
            resp.set_header("Idempotency-Replayed", "true")
        if answer.content is None:
            return
        content = answer.content
        if "items" in content:
            position = answer.after
            content = {
                **content,
                "next": self._cursors.write(req.path, position) if position else None,
            }
        body = orjson.dumps(content)
        if op.public and answer.cacheable:
            resp.set_header("Cache-Control", "no-cache")
        if not answer.cacheable:
            if "version" in content:  # the row is changed with it
                resp.set_header("ETag", _etag(content, b""))
        else:
            tag = _etag(content, body)
            resp.set_header("ETag", tag)
            if op.method == "GET" and known(tag, req.get_header("If-None-Match")):
                resp.status = falcon.HTTP_304
                return
        resp.content_type = MEDIA_TYPE
        resp.data = body


def _etag(content: Mapping[str, Any], body: bytes) -> str:
    """Return the row's version; a list has none, so its content stands for it."""
    version = content.get("version")
    return (
        f'"{version}"'
        if version is not None
        else f'W/"{blake2b(body, digest_size=12).hexdigest()}"'
    )


def _required_versions(req: falcon.Request) -> list[int]:
    header = req.get_header("If-Match")
    if not header:
        raise VersionRequired("Send If-Match with the ETag of the row that you have read.")
    if found := versions(header):
        return found
    raise StaleVersion("If-Match is not an ETag of this row. Read it again, then decide.")
