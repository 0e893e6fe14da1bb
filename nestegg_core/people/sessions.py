"""Signing in, staying signed in and signing out, for the built-in provider.

A session holds a chain of refresh tokens, each good once. A second use of one means that it was
copied, so the whole session ends (RFC 9700, 4.14.2).
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from sqlalchemy import insert, select, update

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.ids import new_id
from nestegg_core.database.tables import (
    credentials,
    denied_tokens,
    persons,
    refresh_tokens,
    sessions,
)
from nestegg_core.errors import Unauthenticated
from nestegg_core.people.access import Caller
from nestegg_core.people.passwords import Passwords
from nestegg_core.people.persons import EMAIL_INDEX, EmailIndex


class TokenIssuer(Protocol):
    """Issues access tokens."""

    @property
    def lifetime(self) -> timedelta:
        """How long a token is good."""
        ...

    def issue(self, person_id: UUID, session_id: UUID) -> str:
        """Return a token."""
        ...


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a sign-in gives (RFC 6749, 5.1)."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int


class Sessions:
    """Opens, extends and ends sessions."""

    def __init__(
        self,
        *,
        storage: Storage,
        index: EmailIndex,
        passwords: Passwords,
        tokens: TokenIssuer,
        lifetime: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._storage = storage
        self._index = index
        self._passwords = passwords
        self._tokens = tokens
        self._lifetime = lifetime
        self._clock = clock

    def sign_in(self, email: str, password: str) -> tuple[UUID, TokenPair]:
        """Check a password and open a session; returns the person and their tokens.

        Raises:
            Unauthenticated: unknown address, wrong password or disabled person, all in the same
                words and the same time.
        """
        index = self._index.of(EMAIL_INDEX, email)
        with self._storage.system_transaction(write=False) as tx:
            row = tx.execute(
                select(credentials.c.person_id, credentials.c.password_hash, persons.c.disabled_at)
                .join(persons)
                .where(credentials.c.email_index == index)
            ).first()
        if not self._passwords.verify(row.password_hash if row else None, password):
            row = None
        if row is None or row.disabled_at is not None:
            raise Unauthenticated("The email or the password is wrong.", code="invalid_grant")
        return row.person_id, self.open(row.person_id)

    def open(self, person_id: UUID) -> TokenPair:
        """Open a session for a person who has proved who they are."""
        now = self._clock()
        session_id = new_id()
        with self._storage.system_transaction(write=True) as tx:
            tx.execute(
                insert(sessions),
                {
                    "id": session_id,
                    "person_id": person_id,
                    "created_at": now,
                    "last_used_at": now,
                    "expires_at": now + self._lifetime,
                },
            )
            return self._next_pair(tx, person_id, session_id, now)

    def refresh(self, token: str) -> TokenPair:
        """Spend a refresh token for a new pair.

        Raises:
            Unauthenticated: the token is unknown, spent, or its session is over.
        """
        with self._storage.system_transaction(write=True) as tx:
            pair = self._spend(tx, _hash(token))
        if pair is None:  # raised outside, for a revocation must commit
            raise Unauthenticated("The refresh token is not valid.", code="invalid_grant")
        return pair

    def _spend(self, tx: Transaction, token_hash: bytes) -> TokenPair | None:
        now = self._clock()
        row = tx.execute(
            select(
                sessions.c.id,
                sessions.c.person_id,
                sessions.c.revoked_at,
                sessions.c.expires_at,
                persons.c.disabled_at,
            )
            .join(refresh_tokens, refresh_tokens.c.session_id == sessions.c.id)
            .join(persons, persons.c.id == sessions.c.person_id)
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
            self._revoke(tx, row.id)
            return None
        tx.execute(
            update(sessions)
            .where(sessions.c.id == row.id)
            .values(last_used_at=now, expires_at=now + self._lifetime)
        )
        return self._next_pair(tx, row.person_id, row.id, now)

    def sign_out(self, caller: Caller, expires_at: datetime) -> None:
        """End the caller's session; a token of another provider is denied until it expires."""
        with self._storage.system_transaction(write=True) as tx:
            if caller.session_id is not None:
                self._revoke(tx, caller.session_id)
            else:
                deny_token(tx, caller.token_hash, expires_at)

    def revoke_all(self, tx: Transaction, person_id: UUID) -> None:
        """End every session of a person, e.g. after a change of password."""
        tx.execute(
            update(sessions)
            .where(sessions.c.person_id == person_id, sessions.c.revoked_at.is_(None))
            .values(revoked_at=self._clock())
        )

    def _revoke(self, tx: Transaction, session_id: UUID) -> None:
        tx.execute(
            update(sessions)
            .where(sessions.c.id == session_id, sessions.c.revoked_at.is_(None))
            .values(revoked_at=self._clock())
        )

    def _next_pair(
        self, tx: Transaction, person_id: UUID, session_id: UUID, now: datetime
    ) -> TokenPair:
        refresh = secrets.token_urlsafe(32)
        tx.execute(
            insert(refresh_tokens),
            {"token_hash": _hash(refresh), "session_id": session_id, "created_at": now},
        )
        return TokenPair(
            access_token=self._tokens.issue(person_id, session_id),
            refresh_token=refresh,
            expires_in=int(self._tokens.lifetime.total_seconds()),
        )


def deny_token(tx: Transaction, token_hash: bytes, expires_at: datetime) -> None:
    """Refuse a token from now on; denying it twice changes nothing."""
    known = tx.execute(
        select(denied_tokens.c.token_hash).where(denied_tokens.c.token_hash == token_hash)
    ).first()
    if known is None:
        tx.execute(insert(denied_tokens), {"token_hash": token_hash, "expires_at": expires_at})


def _hash(token: str) -> bytes:
    """Hash a random token; it has 256 bits, so no salt and no slow hash are needed."""
    return sha256(token.encode()).digest()
