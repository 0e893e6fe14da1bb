"""`Idempotency-Key`: a POST that is sent again has its effect once.

The answer is stored in the transaction of its effect, so that there is both or neither. A retry
that overtakes its first try waits for it, and then gets the same answer. An error is not stored:
it had no effect, and the next try is a first one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

import falcon
import orjson
from sqlalchemy import bindparam, insert, select

from nestegg_core.api.operation import Answer, Call, Operation
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import idempotency_keys, in_org
from nestegg_core.database.types import new_id
from nestegg_core.errors import Conflict, DecryptionError, InvalidInput

HEADER = "Idempotency-Key"

KEY_PATTERN = "[!-~]{1,255}"

_KEY = re.compile(KEY_PATTERN, re.ASCII)
_FIND = select(idempotency_keys).where(
    in_org(idempotency_keys), idempotency_keys.c.key_hash == bindparam("key")
)


_NAMESPACE = UUID("0d6f5d0c-3b1e-5f3a-9d1c-5d0f6a1f6e21")


def takes_key(op: Operation) -> bool:
    """Tell whether a key has its effect: it is kept with an organization's rows."""
    kept = (bool(op.permission) and op.writes) or op.founds
    return op.method == "POST" and kept


def refuse_vain_key(op: Operation, req: falcon.Request) -> None:
    """Refuse a key that would have no effect, for its sender relies on it."""
    if op.method == "POST" and not takes_key(op) and req.get_header(HEADER) is not None:
        raise falcon.HTTPBadRequest(
            title="Idempotency-Key Not Taken",
            description="Idempotency-Key has no effect here: leave it out. It works for "
            "POST /organizations and for every POST below an organization.",
        )


@dataclass(frozen=True, slots=True)
class Idempotency:
    rows: SealedRows
    clock: Callable[[], datetime]

    def once(self, call: Call, handler: Callable[[Call], Answer]) -> Answer:
        """Run a handler, or return what it answered to the same request before."""
        key = _key_of(call.request)
        if key is None:
            return handler(call)
        key_hash = sha256(f"{call.caller.user_id} {key}".encode()).hexdigest()
        request_hash = _request_hash(call.request)
        call.tx.lock(f"{HEADER} {key_hash}")
        stored = call.tx.execute(_FIND, {"key": key_hash}).first()
        if stored is None:
            answer = handler(call)
            if answer.cacheable:  # a secret is never stored: such a POST has its effect again
                self._store(call, key_hash, request_hash, answer)
            return answer
        if stored.request_hash != request_hash:
            raise InvalidInput.one(HEADER, "key_reused", "The key came with another request.")
        return self._replay(stored)

    def of_new_organization(self, call: Call) -> UUID:
        """Return a new organization's id, the same for the same key: a retry finds the answer."""
        key = _key_of(call.request)
        return new_id() if key is None else uuid5(_NAMESPACE, f"{call.caller.user_id} {key}")

    def _store(self, call: Call, key_hash: str, request_hash: str, answer: Answer) -> None:
        document = {"content": answer.content, "status": answer.status, "location": answer.location}
        values = {
            "org_id": call.org_id,
            "key_hash": key_hash,
            "request_hash": request_hash,
            "answer": orjson.dumps(document).decode(),
            "created_at": self.clock(),
        }
        call.tx.execute(insert(idempotency_keys), self.rows.seal(idempotency_keys, values))

    def _replay(self, stored: Any) -> Answer:
        try:
            opened = self.rows.open(idempotency_keys, stored, ("answer",))
        except DecryptionError:
            raise Conflict(
                "answer-damaged",
                "The request had its effect before, and has none again; but what it was answered "
                "does not open. Look for what it made.",
            ) from None
        return Answer(**orjson.loads(opened["answer"]), replayed=True)


def _key_of(req: falcon.Request) -> str | None:
    key = req.get_header(HEADER)
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidInput.one(HEADER, "malformed", "must be 1 to 255 visible ASCII characters")
    return key


def _request_hash(req: falcon.Request) -> str:
    """Hash what was asked for; of a form its file, for its boundary changes with each try."""
    digest = sha256(f"{req.method} {req.path}?{req.query_string}\n".encode())
    digest.update(req.context.get("content") or b"")
    return digest.hexdigest()
