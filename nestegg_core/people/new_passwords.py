"""What a new password ends, whether it is changed, reset by a link, or set by the operator."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.tables import credentials, one_time_links, personal_tokens, sessions


@dataclass(frozen=True, slots=True)
class Ended:
    """How many of what still let somebody in do so no more."""

    sessions: int
    personal_tokens: int


def replace_password(
    tx: Transaction,
    person_id: UUID,
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

    Args:
        keep_session: the one in which the person changes it.
        keep_tokens: the person says that the personal access tokens are theirs.
    """
    tx.execute(
        update(credentials)
        .where(credentials.c.person_id == person_id)
        .values(password_hash=password_hash, changed_at=now)
    )
    tx.execute(
        delete(one_time_links).where(
            one_time_links.c.person_id == person_id, one_time_links.c.purpose == "reset"
        )
    )
    return Ended(
        sessions=_end_sessions(tx, person_id, now, keep_session),
        personal_tokens=0 if keep_tokens else _end_tokens(tx, person_id, now),
    )


def _end_sessions(tx: Transaction, person_id: UUID, now: datetime, keep: UUID | None) -> int:
    """Delete them: where a thief was signed in is no place that the person is known from."""
    condition = sessions.c.person_id == person_id
    if keep is not None:
        condition &= sessions.c.id != keep
    living = select(func.count()).where(
        condition, sessions.c.revoked_at.is_(None), sessions.c.expires_at > now
    )
    ended = int(tx.execute(living).scalar_one())
    tx.execute(delete(sessions).where(condition))
    return ended


def _end_tokens(tx: Transaction, person_id: UUID, now: datetime) -> int:
    condition = personal_tokens.c.person_id == person_id
    living = select(func.count()).where(condition, personal_tokens.c.expires_at > now)
    ended = int(tx.execute(living).scalar_one())
    tx.execute(delete(personal_tokens).where(condition))
    return ended
