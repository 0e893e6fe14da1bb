"""What a personal access token looks like: `nep_`, 43 random characters, 6 of a checksum.

The checksum is no secret. It lets a secret scanner tell a token from what only looks like one
(`nep_[0-9A-Za-z]{49}`), and a mistyped token is refused without a look into the database. Letters
and digits alone, so that a double click selects the whole of it.
"""

import re
import secrets
import string
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID
from zlib import crc32

from sqlalchemy import Select, bindparam, delete, func, insert, or_, select, update

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.locks import Quota
from nestegg_core.database.paging import LAST, Page, page_by_id, position
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import personal_tokens, users
from nestegg_core.database.types import new_id
from nestegg_core.errors import (
    InvalidInput,
    NotFound,
    StorageUnavailable,
    Unauthenticated,
)
from nestegg_core.users.access import Caller, require_scope
from nestegg_core.users.roles import INSTANCE_ADMIN

PREFIX = "nep_"

_ALPHABET = string.digits + string.ascii_letters
_RANDOM = 43
"""Characters; of 62 each, which makes 256 bits."""
_CHECKSUM = 6
"""Characters; enough for the 32 bits of a CRC."""
_FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM + _CHECKSUM}}}", re.ASCII)


def new_token() -> str:
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return body + _checksum(body)


def looks_personal(token: str) -> bool:
    """Tell whether a bearer token claims to be a personal one, so that no provider is asked."""
    return token.startswith(PREFIX)


def is_token(token: str) -> bool:
    """Tell whether a text has the form and the checksum of a token, whoever made it."""
    if not _FORM.fullmatch(token):
        return False
    return _checksum(token[:-_CHECKSUM]) == token[-_CHECKSUM:]


def token_hash(token: str) -> bytes:
    """Return what is stored of a token: it has 256 random bits, so no salt and no slow hash."""
    return sha256(token.encode()).digest()


def _checksum(body: str) -> str:
    number, digits = crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


MAX_DAYS = 366
DEFAULT_DAYS = 30
USE_NOTED_EVERY = timedelta(minutes=5)
"""`last_used_at` is written at most so often, so that reading does not become writing."""

_T = personal_tokens.c
_VERIFY = (
    select(_T.id, _T.user_id, _T.scopes, _T.expires_at, _T.last_used_at, users.c.disabled_at)
    .join(users, users.c.id == _T.user_id)
    .where(_T.token_hash == bindparam("token_hash"))
)
_PAGE = (
    select(personal_tokens)
    .where(_T.user_id == bindparam("user_id"), _T.id < bindparam("after"))
    .order_by(_T.id.desc())
    .limit(bindparam("count"))
)


@dataclass(frozen=True, slots=True)
class IssuedToken:
    token: str = field(repr=False)
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PersonalTokens:
    storage: Storage
    rows: SealedRows
    clock: Callable[[], datetime]
    quota: Quota

    def verify(self, token: str) -> tuple[Caller, datetime]:
        """Return who a token speaks for, and until when. Costs one query."""
        if not is_token(token):
            raise Unauthenticated("The personal access token is mistyped or cut off.")
        digest, now = token_hash(token), self.clock()
        with self.storage.system_transaction(write=False) as tx:
            found = tx.rows(_VERIFY, {"token_hash": digest})
        if not found:
            raise Unauthenticated("The personal access token is unknown or was revoked.")
        token_id, user_id, scopes, expires_at, last_used_at, disabled_at = found[0]
        if disabled_at is not None:
            raise Unauthenticated("The account is disabled or gone.")
        if expires_at <= now:
            raise Unauthenticated("The personal access token has expired.")
        if last_used_at is None or last_used_at <= now - USE_NOTED_EVERY:
            self._note_use(token_id, now)
        caller = Caller(
            user_id=user_id,
            is_admin=False,  # by the user's own mark alone
            session_id=None,
            token_hash=digest,
            scopes=frozenset(scopes),
        )
        return caller, expires_at

    def _note_use(self, token_id: UUID, now: datetime) -> None:
        """Write when a token was used; of many requests at once one does."""
        unnoted = or_(_T.last_used_at.is_(None), _T.last_used_at <= now - USE_NOTED_EVERY)
        noted = update(personal_tokens).where(_T.id == token_id, unnoted).values(last_used_at=now)
        # The request itself may do without a database that can be written to.
        with suppress(StorageUnavailable), self.storage.system_transaction(write=True) as tx:
            tx.execute(noted)

    def grant(
        self, caller: Caller, name: str, scopes: Collection[str], lifetime: timedelta
    ) -> IssuedToken:
        for scope in scopes:
            require_scope(caller, scope)
        with self.storage.system_transaction(write=True) as tx:
            if INSTANCE_ADMIN in scopes and not _is_administrator(tx, caller.user_id):
                raise InvalidInput.one(
                    "/scopes", "no_administrator", f"{INSTANCE_ADMIN} is for administrators alone"
                )
            self.quota.require(tx, caller.user_id, self._living(caller.user_id))
            return self._insert(tx, caller.user_id, name, scopes, lifetime)

    def issue(
        self, user_id: UUID, name: str, scopes: Collection[str], lifetime: timedelta
    ) -> IssuedToken:
        with self.storage.system_transaction(write=True) as tx:
            return self._insert(tx, user_id, name, scopes, lifetime)

    def page(
        self, user_id: UUID, *, limit: int, after: tuple[Any, ...] | None
    ) -> Page[dict[str, Any]]:
        """Return a user's tokens, the newest first, and where the next page begins.

        Tokens that have expired are among them until they are forgotten.
        """
        begin = position(after, otherwise=LAST)
        parameters = {"user_id": user_id, "count": limit + 1, "after": begin}
        with self.storage.system_transaction(write=False) as tx:
            found = tx.execute(_PAGE, parameters).all()
        return page_by_id(found, limit, self._shown)

    def revoke(self, user_id: UUID, token_id: UUID) -> None:
        with self.storage.system_transaction(write=True) as tx:
            deleted = tx.execute(
                delete(personal_tokens).where(_T.id == token_id, _T.user_id == user_id)
            )
        if deleted.rowcount == 0:
            raise NotFound("There is no such personal access token.")

    def _living(self, user_id: UUID) -> Select[Any]:
        return select(func.count()).where(_T.user_id == user_id, _T.expires_at > self.clock())

    def _insert(
        self,
        tx: Transaction,
        user_id: UUID,
        name: str,
        scopes: Collection[str],
        lifetime: timedelta,
    ) -> IssuedToken:
        token, now = new_token(), self.clock()
        values = {
            "id": new_id(),
            "user_id": user_id,
            "name": name,
            "token_hash": token_hash(token),
            "scopes": sorted(set(scopes)),
            "created_at": now,
            "expires_at": now + min(lifetime, timedelta(days=MAX_DAYS)),
            "last_used_at": None,
        }
        sealed = self.rows.seal(personal_tokens, values)
        tx.execute(insert(personal_tokens), sealed)
        return IssuedToken(token, self._shown(sealed))

    def _shown(self, row: Any) -> dict[str, Any]:
        values = row if isinstance(row, dict) else row._mapping
        return {
            **{name: values[name] for name in _SHOWN},
            **self.rows.show(personal_tokens, row, ("name",)),
        }


_SHOWN = ("id", "scopes", "created_at", "expires_at", "last_used_at")
"""Columns that are shown as they are."""


def _is_administrator(tx: Transaction, user_id: UUID) -> bool:
    return bool(tx.execute(select(users.c.is_admin).where(users.c.id == user_id)).scalar())
