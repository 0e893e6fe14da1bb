"""Where a sign-in comes from, and which addresses count as one."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update

from nestegg_core.auth.builtin.provider import AccessTokens
from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.paging import LAST, Page, page_by_id, position
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import denied_tokens, refresh_tokens, sessions, users
from nestegg_core.database.types import new_id
from nestegg_core.encryption.blind_index import BlindIndex
from nestegg_core.errors import NotFound, Unauthenticated
from nestegg_core.users.access import Caller

ADDRESS_INDEX = "sessions.address"
"""Name of the blind index of networks."""

MAX_USER_AGENT = 400

_IPV6_PREFIX = 64
"""What one line or one machine is given at the least (RFC 6177, 2)."""


@dataclass(frozen=True, slots=True)
class Device:
    address: str = field(repr=False)
    user_agent: str = field(repr=False, default="")

    @property
    def network(self) -> str:
        return network_of(self.address)


def network_of(address: str) -> str:
    """Return what an address is counted as: itself, and the /64 network of an IPv6 address.

    Whoever has one IPv6 address has its whole network, and systems change theirs every day
    (RFC 8981). What is no address is counted as one.

    Example:
        >>> network_of("192.0.2.7"), network_of("::ffff:192.0.2.7"), network_of("2001:db8::1:2")
        ('192.0.2.7', '192.0.2.7', '2001:db8::/64')
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ip_network((parsed.packed, _IPV6_PREFIX), strict=False))
        parsed = parsed.ipv4_mapped
    return str(parsed)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a sign-in gives (RFC 6749, 5.1)."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True, slots=True)
class Sessions:
    storage: Storage
    rows: SealedRows
    index: BlindIndex
    tokens: AccessTokens
    lifetime: timedelta
    clock: Callable[[], datetime]

    def open(self, user_id: UUID, device: Device | None = None) -> TokenPair:
        with self.storage.system_transaction(write=True) as tx:
            return self.open_in(tx, user_id, device)

    def open_in(self, tx: Transaction, user_id: UUID, device: Device | None) -> TokenPair:
        now = self.clock()
        session_id = new_id()
        tx.execute(
            insert(sessions),
            {
                "id": session_id,
                "user_id": user_id,
                **self._place(session_id, device),
                "created_at": now,
                "last_used_at": now,
                "expires_at": now + self.lifetime,
            },
        )
        return self._next_pair(tx, user_id, session_id, now)

    def refresh(self, token: str, device: Device | None = None) -> TokenPair:
        with self.storage.system_transaction(write=True) as tx:
            pair = self._consume(tx, _hash(token), device)
        if pair is None:  # raised outside, for a revocation must commit
            raise Unauthenticated("The refresh token is not valid.", code="invalid_grant")
        return pair

    def _consume(
        self, tx: Transaction, token_hash: bytes, device: Device | None
    ) -> TokenPair | None:
        now = self.clock()
        row = tx.execute(
            select(
                sessions.c.id,
                sessions.c.user_id,
                sessions.c.revoked_at,
                sessions.c.expires_at,
                users.c.disabled_at,
            )
            .join(refresh_tokens, refresh_tokens.c.session_id == sessions.c.id)
            .join(users, users.c.id == sessions.c.user_id)
            .where(refresh_tokens.c.token_hash == token_hash)
            .with_for_update(of=sessions)
        ).first()
        if row is None or row.revoked_at or row.disabled_at or row.expires_at <= now:
            return None
        spent = tx.execute(
            update(refresh_tokens)
            .where(refresh_tokens.c.token_hash == token_hash, refresh_tokens.c.used_at.is_(None))
            .values(used_at=now)
        )
        if spent.rowcount == 0:
            end_sessions(tx, row.user_id, now, only=row.id)
            return None
        place = self._place(row.id, device)
        tx.execute(
            update(sessions)
            .where(sessions.c.id == row.id)
            .values(last_used_at=now, expires_at=now + self.lifetime, **place)
        )
        return self._next_pair(tx, row.user_id, row.id, now)

    def sign_out(self, caller: Caller, expires_at: datetime) -> None:
        """End the caller's session; a token of another provider is denied until it expires."""
        with self.storage.system_transaction(write=True) as tx:
            if caller.session_id is not None:
                end_sessions(tx, caller.user_id, self.clock(), only=caller.session_id)
            else:
                deny_token(tx, caller.token_hash, expires_at)

    def _place(self, session_id: UUID, device: Device | None) -> Mapping[str, Any]:
        if device is None:
            return {}
        values = {"address": device.address or None, "user_agent": device.user_agent or None}
        if values["user_agent"]:
            values["user_agent"] = values["user_agent"][:MAX_USER_AGENT]
        sealed = self.rows.seal(sessions, {"id": session_id, **values})
        network = device.network
        index = self.index.of(ADDRESS_INDEX, network) if network else None
        return {name: sealed[name] for name in values} | {"address_index": index}

    def _next_pair(
        self, tx: Transaction, user_id: UUID, session_id: UUID, now: datetime
    ) -> TokenPair:
        refresh = secrets.token_urlsafe(32)
        tx.execute(
            insert(refresh_tokens),
            {"token_hash": _hash(refresh), "session_id": session_id, "created_at": now},
        )
        return TokenPair(
            access_token=self.tokens.issue(user_id, session_id),
            refresh_token=refresh,
            expires_in=int(self.tokens.lifetime.total_seconds()),
        )


def end_sessions(
    tx: Transaction,
    user_id: UUID,
    now: datetime,
    *,
    only: UUID | None = None,
    but: UUID | None = None,
) -> int:
    """End a user's sessions: every one, one only, or all but one. Returns how many ended.

    Their rows stay until they would have expired: they tell from which addresses the user
    signs in.
    """
    ended = update(sessions).where(
        sessions.c.user_id == user_id,
        sessions.c.revoked_at.is_(None),
        sessions.c.expires_at > now,
    )
    if only is not None:
        ended = ended.where(sessions.c.id == only)
    if but is not None:
        ended = ended.where(sessions.c.id != but)
    return tx.execute(ended.values(revoked_at=now)).rowcount


def deny_token(tx: Transaction, token_hash: bytes, expires_at: datetime) -> None:
    """Refuse a token from now on; denying it twice changes nothing."""
    if not is_denied(tx, token_hash):
        tx.execute(insert(denied_tokens), {"token_hash": token_hash, "expires_at": expires_at})


def is_denied(tx: Transaction, token_hash: bytes) -> bool:
    denied = select(denied_tokens.c.token_hash).where(denied_tokens.c.token_hash == token_hash)
    return tx.execute(denied).first() is not None


def _hash(token: str) -> bytes:
    """Hash a random token; it has 256 bits, so no salt and no slow hash are needed."""
    return sha256(token.encode()).digest()


_S = sessions.c
_PAGE = (
    select(_S.id, _S.user_agent, _S.address, _S.created_at, _S.last_used_at, _S.expires_at)
    .where(
        _S.user_id == bindparam("user_id"),
        _S.revoked_at.is_(None),
        _S.expires_at > bindparam("now", type_=_S.expires_at.type),
        _S.id < bindparam("after"),
    )
    .order_by(_S.id.desc())
    .limit(bindparam("count"))
)


@dataclass(frozen=True, slots=True)
class SessionList:
    storage: Storage
    rows: SealedRows
    clock: Callable[[], datetime]

    def page(
        self, caller: Caller, *, limit: int, after: tuple[Any, ...] | None
    ) -> Page[dict[str, Any]]:
        """Return the sessions that are not over, the newest first, and where the next page begins.

        None of their tokens are told: they are stored as hashes alone.
        """
        parameters = {
            "user_id": caller.user_id,
            "now": self.clock(),
            "after": position(after, otherwise=LAST),
            "count": limit + 1,
        }
        with self.storage.system_transaction(write=False) as tx:
            found = tx.execute(_PAGE, parameters).all()
        return page_by_id(found, limit, lambda row: self._shown(row, caller))

    def end(self, caller: Caller, session_id: UUID) -> None:
        with self.storage.system_transaction(write=True) as tx:
            if end_sessions(tx, caller.user_id, self.clock(), only=session_id) == 0:
                raise NotFound("You have no such session.")

    def end_others(self, caller: Caller) -> None:
        with self.storage.system_transaction(write=True) as tx:
            end_sessions(tx, caller.user_id, self.clock(), but=caller.session_id)

    def _shown(self, row: Any, caller: Caller) -> dict[str, Any]:
        return {
            "id": row.id,
            "current": row.id == caller.session_id,
            **self.rows.show(sessions, row, ("user_agent", "address")),
            "created_at": row.created_at,
            "last_used_at": row.last_used_at,
            "expires_at": row.expires_at,
        }
