"""One's own sessions: where one is signed in, and how to end that."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from nestegg_core.contracts.storage import Storage
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import sessions
from nestegg_core.errors import NotFound
from nestegg_core.people.access import Caller
from nestegg_core.people.pages import LAST, page_of, position
from nestegg_core.people.sessions import end_sessions

_S = sessions.c
_PAGE = (
    select(_S.id, _S.user_agent, _S.address, _S.created_at, _S.last_used_at, _S.expires_at)
    .where(
        _S.person_id == bindparam("person_id"),
        _S.revoked_at.is_(None),
        _S.expires_at > bindparam("now", type_=_S.expires_at.type),
        _S.id < bindparam("after"),
    )
    .order_by(_S.id.desc())
    .limit(bindparam("count"))
)


class SessionList:
    """Lists and ends the caller's sessions."""

    def __init__(self, storage: Storage, rows: SealedRows, clock: Callable[[], datetime]) -> None:
        self._storage = storage
        self._rows = rows
        self._clock = clock

    def page(
        self, caller: Caller, *, limit: int, after: tuple[Any, ...] | None
    ) -> tuple[Sequence[dict[str, Any]], tuple[Any, ...] | None]:
        """Return the sessions that are not over, the newest first, and where the next page begins.

        None of their tokens are told: they are stored as hashes alone.
        """
        parameters = {
            "person_id": caller.person_id,
            "now": self._clock(),
            "after": position(after, otherwise=LAST),
            "count": limit + 1,
        }
        with self._storage.system_transaction(write=False) as tx:
            found = tx.execute(_PAGE, parameters).all()
        return page_of(found, limit, lambda row: self._shown(row, caller))

    def end(self, caller: Caller, session_id: UUID) -> None:
        """End one of the caller's sessions; it may be the present one.

        Raises:
            NotFound: it is over, or somebody else's.
        """
        with self._storage.system_transaction(write=True) as tx:
            if end_sessions(tx, caller.person_id, self._clock(), only=session_id) == 0:
                raise NotFound("You have no such session.")

    def end_others(self, caller: Caller) -> None:
        """End the caller's sessions, but for the present one."""
        with self._storage.system_transaction(write=True) as tx:
            end_sessions(tx, caller.person_id, self._clock(), but=caller.session_id)

    def _shown(self, row: Any, caller: Caller) -> dict[str, Any]:
        return {
            "id": row.id,
            "current": row.id == caller.session_id,
            **self._rows.show(sessions, row, ("user_agent", "address")),
            "created_at": row.created_at,
            "last_used_at": row.last_used_at,
            "expires_at": row.expires_at,
        }
