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

from sqlalchemy import ColumnElement, delete, insert, select

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.tables import one_time_links
from nestegg_core.errors import InvalidInput

Purpose = Literal["reset", "verify_email"]

LIFETIMES: Mapping[Purpose, timedelta] = {
    "reset": timedelta(hours=1),
    "verify_email": timedelta(hours=24),
}

_L = one_time_links.c


@dataclass(frozen=True, slots=True)
class Link:
    """What a token stands for.

    Attributes:
        mailed: whether nobody but the mailbox got it.
    """

    person_id: UUID
    mailed: bool


class OneTimeLinks:
    """Makes tokens and takes them in."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def make(self, tx: Transaction, person_id: UUID, purpose: Purpose, *, mailed: bool) -> str:
        """Return a new token; an older one of the same person and purpose is worth nothing then.

        Args:
            mailed: whether it goes to the person's mailbox and nowhere else.
        """
        tx.lock(f"one-time links {person_id}")
        self.forget(tx, person_id, purpose)
        token, now = secrets.token_urlsafe(32), self._clock()
        values = {
            "token_hash": link_hash(token),
            "person_id": person_id,
            "purpose": purpose,
            "mailed": mailed,
            "created_at": now,
            "expires_at": now + LIFETIMES[purpose],
        }
        tx.execute(insert(one_time_links), values)
        return token

    def find(self, tx: Transaction, token: str, purpose: Purpose) -> Link:
        """Return what a token stands for, and leave it as it is.

        Raises:
            InvalidInput: it is unknown, used, replaced or expired; nobody can tell which.
        """
        return _link(tx.execute(select(_L.person_id, _L.mailed).where(*self._good(token, purpose))))

    def spend(self, tx: Transaction, token: str, purpose: Purpose) -> Link:
        """Use a token up: of many who try at once, one gets it.

        Raises:
            InvalidInput: as `find`.
        """
        spent = delete(one_time_links).where(*self._good(token, purpose))
        return _link(tx.execute(spent.returning(_L.person_id, _L.mailed)))

    def forget(self, tx: Transaction, person_id: UUID, purpose: Purpose) -> None:
        """Make a person's links of one purpose worth nothing."""
        tx.execute(delete(one_time_links).where(_L.person_id == person_id, _L.purpose == purpose))

    def _good(self, token: str, purpose: Purpose) -> tuple[ColumnElement[bool], ...]:
        return (
            _L.token_hash == link_hash(token),
            _L.purpose == purpose,
            _L.expires_at > self._clock(),
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
    return Link(row.person_id, row.mailed)
