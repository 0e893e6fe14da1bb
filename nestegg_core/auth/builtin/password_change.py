"""What a new password ends, whether it is changed, reset by a link, or set by the operator."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, func, select, update

from nestegg_core.auth.builtin.passwords import Match, Passwords, refuse_weak
from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import (
    credentials,
    one_time_links,
    personal_tokens,
    sessions,
    users,
)
from nestegg_core.errors import Conflict, InvalidInput
from nestegg_core.users.access import Caller

if TYPE_CHECKING:
    from nestegg_core.rate_limits import RateLimits


@dataclass(frozen=True, slots=True)
class Ended:
    """How many of what still let somebody in do so no more."""

    sessions: int
    personal_tokens: int


def replace_password(
    tx: Transaction,
    user_id: UUID,
    password_hash: str,
    now: datetime,
    *,
    keep_session: UUID | None = None,
    keep_tokens: bool = False,
) -> Ended:
    """Store a new password, and end all that the old one may have let in.

    Sessions go with their refresh tokens, and personal access tokens too: who has lost control of
    an account cannot tell which of them are their own. Links to reset it go as well. A second
    factor stays.
    """
    tx.execute(
        update(credentials)
        .where(credentials.c.user_id == user_id)
        .values(password_hash=password_hash, changed_at=now)
    )
    tx.execute(
        delete(one_time_links).where(
            one_time_links.c.user_id == user_id, one_time_links.c.purpose == "reset"
        )
    )
    return Ended(
        sessions=_end_sessions(tx, user_id, now, keep_session),
        personal_tokens=0 if keep_tokens else _end_tokens(tx, user_id, now),
    )


def _end_sessions(tx: Transaction, user_id: UUID, now: datetime, keep: UUID | None) -> int:
    """Delete them: where a thief was signed in is no place that the user is known from."""
    condition = sessions.c.user_id == user_id
    if keep is not None:
        condition &= sessions.c.id != keep
    living = select(func.count()).where(
        condition, sessions.c.revoked_at.is_(None), sessions.c.expires_at > now
    )
    ended = int(tx.execute(living).scalar_one())
    tx.execute(delete(sessions).where(condition))
    return ended


def _end_tokens(tx: Transaction, user_id: UUID, now: datetime) -> int:
    condition = personal_tokens.c.user_id == user_id
    living = select(func.count()).where(condition, personal_tokens.c.expires_at > now)
    ended = int(tx.execute(living).scalar_one())
    tx.execute(delete(personal_tokens).where(condition))
    return ended


_RULE = "proof by a user"


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """Checks and changes users's own passwords.

    Whoever finds an unlocked screen, or a token, shall neither guess the password there nor take
    the account over: the present password is asked for, and tries are counted, good ones too.
    """

    storage: Storage
    rows: SealedRows
    passwords: Passwords
    limits: "RateLimits"
    clock: Callable[[], datetime]

    def require(self, user_id: UUID, password: str, pointer: str) -> None:
        self.count(user_id)
        with self.storage.system_transaction(write=False) as tx:
            stored = tx.execute(
                select(credentials.c.password_hash).where(credentials.c.user_id == user_id)
            ).scalar()
        if stored is None:
            raise Conflict("no-password", "You sign in with another provider, without a password.")
        if self.passwords.verify(stored, password) is Match.WRONG:
            raise InvalidInput.one(pointer, "wrong", "is not your password")

    def require_if_any(self, user_id: UUID, password: str | None, pointer: str) -> None:
        """Do as `require` does, but let pass whoever has no password here."""
        with self.storage.system_transaction(write=False) as tx:
            stored = tx.execute(
                select(credentials.c.user_id).where(credentials.c.user_id == user_id)
            ).first()
        if stored is None:
            return
        if password is None:
            raise InvalidInput.one(pointer, "missing", "is required of whoever has a password")
        self.require(user_id, password, pointer)

    def count(self, user_id: UUID) -> None:
        self.limits.hit(_RULE, user_id)

    def change(self, caller: Caller, old: str, new: str, *, keep_tokens: bool = False) -> Ended:
        """Change the caller's password; see `replace_password` for what ends with it.

        The session in which it is changed goes on.
        """
        self.require(caller.user_id, old, "/old_password")
        refuse_weak(new, "/new_password", **self._about(caller.user_id))
        password_hash = self.passwords.hash(new)
        with self.storage.system_transaction(write=True) as tx:
            return replace_password(
                tx,
                caller.user_id,
                password_hash,
                self.clock(),
                keep_session=caller.session_id,
                keep_tokens=keep_tokens,
            )

    def _about(self, user_id: UUID) -> dict[str, str | None]:
        """Return what a password must not be made of."""
        columns = (users.c.id, users.c.email, users.c.name)
        with self.storage.system_transaction(write=False) as tx:
            row = tx.execute(select(*columns).where(users.c.id == user_id)).one()
        shown = self.rows.show(users, row, ("email", "name"))
        return {name: shown[name] for name in ("email", "name")}
