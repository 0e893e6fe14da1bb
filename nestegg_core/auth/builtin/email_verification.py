"""One-time links: whoever holds one may do one thing, once, and for a while.

The token has 256 random bits, and the database holds its hash alone: who reads the database cannot
use it.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, select, update

from nestegg_core.auth.builtin.password_change import Ended, replace_password
from nestegg_core.auth.builtin.passwords import Passwords, refuse_weak
from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import credentials, one_time_links, users
from nestegg_core.errors import Conflict, InvalidInput, NotFound
from nestegg_core.mail.messages import Message, Messages
from nestegg_core.users.emails import EMAIL_INDEX, Emails

Purpose = Literal["reset", "verify_email"]

LIFETIMES: Mapping[Purpose, timedelta] = {
    "reset": timedelta(hours=1),
    "verify_email": timedelta(hours=24),
}

_L = one_time_links.c


@dataclass(frozen=True, slots=True)
class Link:
    user_id: UUID
    mailed: bool  # nobody but the mailbox got it


@dataclass(frozen=True, slots=True)
class OneTimeLinks:
    clock: Callable[[], datetime]

    def make(self, tx: Transaction, user_id: UUID, purpose: Purpose, *, mailed: bool) -> str:
        """Return a new token; an older one of the same user and purpose is worth nothing then."""
        tx.lock(f"one-time links {user_id}")
        self.forget(tx, user_id, purpose)
        token, now = secrets.token_urlsafe(32), self.clock()
        values = {
            "token_hash": link_hash(token),
            "user_id": user_id,
            "purpose": purpose,
            "mailed": mailed,
            "created_at": now,
            "expires_at": now + LIFETIMES[purpose],
        }
        tx.execute(insert(one_time_links), values)
        return token

    def find(self, tx: Transaction, token: str, purpose: Purpose) -> Link:
        return _link(tx.execute(select(_L.user_id, _L.mailed).where(*self._good(token, purpose))))

    def consume(self, tx: Transaction, token: str, purpose: Purpose) -> Link:
        """Use a token up: of many who try at once, one gets it."""
        spent = delete(one_time_links).where(*self._good(token, purpose))
        return _link(tx.execute(spent.returning(_L.user_id, _L.mailed)))

    def forget(self, tx: Transaction, user_id: UUID, purpose: Purpose) -> None:
        tx.execute(delete(one_time_links).where(_L.user_id == user_id, _L.purpose == purpose))

    def _good(self, token: str, purpose: Purpose) -> tuple[ColumnElement[bool], ...]:
        return (
            _L.token_hash == link_hash(token),
            _L.purpose == purpose,
            _L.expires_at > self.clock(),
        )


def link_hash(token: str) -> bytes:
    """Return what is stored of a token: it has 256 random bits, so no salt is needed."""
    return sha256(token.encode()).digest()


def _link(found: Any) -> Link:
    row = found.first()
    if row is None:
        raise InvalidInput.one(
            "/token", "not_valid", "is unknown, used or expired: ask for a new link"
        )
    return Link(row.user_id, row.mailed)


_NO_PASSWORD = "The user has no password here: their identity provider looks after it."  # noqa: S105


@dataclass(frozen=True, slots=True)
class EmailVerification:
    storage: Storage
    rows: SealedRows
    emails: Emails
    passwords: Passwords
    links: OneTimeLinks
    messages: Messages
    clock: Callable[[], datetime]

    def reset_message(self, email: str) -> Message | None:
        """Write a mail with a new link for whoever signs in with an address; `None` for nobody."""
        with self.storage.system_transaction(write=True) as tx:
            user = self._of_email(tx, email)
            if user is None or user.disabled_at is not None:
                return None
            token = self.links.make(tx, user.id, "reset", mailed=True)
        return self.messages.reset(self._address(user), token)

    def reset_link(self, email: str) -> str:
        """Return a new link for whoever signs in with an address: for the operator."""
        with self.storage.system_transaction(write=True) as tx:
            user = self._of_email(tx, email)
            if user is None:
                raise NotFound("No account has this email.")
            token = self.links.make(tx, user.id, "reset", mailed=False)
        return self.messages.link("reset-password", token)

    def reset_link_for(self, user_id: UUID) -> tuple[str, str]:
        """Return a new link for a user, to be handed over by an administrator, and its token."""
        with self.storage.system_transaction(write=True) as tx:
            self._of_id(tx, user_id)
            token = self.links.make(tx, user_id, "reset", mailed=False)
        return self.messages.link("reset-password", token), token

    def shown_reset_message(self, user_id: UUID, token: str) -> Message:
        with self.storage.system_transaction(write=False) as tx:
            user = self._of_id(tx, user_id)
        return self.messages.reset(self._address(user), token)

    def reset(self, token: str, password: str, *, keep_tokens: bool = False) -> Ended:
        """Replace a password by a link; see `replace_password` for what ends with it.

        A link that went to the mailbox alone verifies the address.
        """
        with self.storage.system_transaction(write=False) as tx:  # before any slow work
            user = self._of_id(tx, self.links.find(tx, token, "reset").user_id)
        known = self.rows.show(users, user, ("email", "name"))
        refuse_weak(password, "/password", email=known["email"], name=known["name"])
        password_hash, now = self.passwords.hash(password), self.clock()
        with self.storage.system_transaction(write=True) as tx:
            link = self.links.consume(tx, token, "reset")
            ended = replace_password(tx, link.user_id, password_hash, now, keep_tokens=keep_tokens)
            if link.mailed:
                mark_verified(tx, credentials.c.user_id == link.user_id, now=now)
        return ended

    def require_own(self, user_id: UUID) -> None:
        """Refuse a user whose address another provider looks after."""
        with self.storage.system_transaction(write=False) as tx:
            self._of_id(tx, user_id)

    def verification_message(self, user_id: UUID) -> Message | None:
        """Write a mail with a link that verifies an address; `None` where it is verified."""
        with self.storage.system_transaction(write=True) as tx:
            user = self._of_id(tx, user_id)
            if user.email_verified_at is not None:
                return None
            token = self.links.make(tx, user_id, "verify_email", mailed=True)
        return self.messages.verification(self._address(user), token)

    def verify(self, token: str) -> None:
        with self.storage.system_transaction(write=True) as tx:
            link = self.links.consume(tx, token, "verify_email")
            mark_verified(tx, credentials.c.user_id == link.user_id, now=self.clock())

    def _of_email(self, tx: Transaction, email: str) -> Any:
        index = self.emails.index_of(EMAIL_INDEX, email)
        user = tx.execute(_USER.where(credentials.c.email_index == index)).first()
        return user if user and self.emails.is_of(users, user, email) else None

    def _of_id(self, tx: Transaction, user_id: UUID) -> Any:
        user = tx.execute(_USER.where(users.c.id == user_id)).first()
        if user is not None:
            return user
        if tx.execute(select(users.c.id).where(users.c.id == user_id)).first() is None:
            raise NotFound("There is no such user.")
        raise Conflict("no-password", _NO_PASSWORD)

    def _address(self, user: Any) -> str:
        return str(self.rows.open(users, user, ("email",))["email"])


_USER = select(
    users.c.id,
    users.c.email,
    users.c.name,
    users.c.disabled_at,
    credentials.c.email_verified_at,
).join(credentials, credentials.c.user_id == users.c.id)


def mark_verified(tx: Transaction, *whose: ColumnElement[bool], now: datetime) -> None:
    """Note that credentials' address is their user's; the first proof counts."""
    unverified = credentials.c.email_verified_at.is_(None)
    tx.execute(update(credentials).where(*whose, unverified).values(email_verified_at=now))
