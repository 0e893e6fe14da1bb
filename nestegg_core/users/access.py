"""Who may: turns a verified identity into a user, and a user into a right.

The check rides in the same transaction as the work it guards, so that it costs one round trip
and cannot be outrun by a change of roles.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, bindparam, select

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.tables import denied_tokens, memberships, sessions, users
from nestegg_core.errors import Forbidden, InsufficientScope, NotFound, Unauthenticated
from nestegg_core.users.roles import ROLES


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request's token."""

    user_id: UUID
    is_admin: bool  # by the token
    session_id: UUID | None
    token_hash: bytes  # SHA-256 of what the token signs; signing out denies it
    scopes: frozenset[str] | None = None  # of a personal access token; `None` is for all
    authenticated_at: datetime | None = None  # at another identity provider, if its token says so


STATUS_COLUMNS = 4


def caller_status(*columns: Any) -> Select[Any]:
    """Select a user with what can take their token's worth away, and further columns.

    The first `STATUS_COLUMNS` columns of a row are for `require_active`.
    """
    return (
        select(
            users.c.disabled_at,
            denied_tokens.c.token_hash,
            sessions.c.id,
            sessions.c.revoked_at,
            *columns,
        )
        .select_from(users)
        .outerjoin(
            sessions,
            and_(sessions.c.id == bindparam("session_id"), sessions.c.user_id == users.c.id),
        )
        .outerjoin(denied_tokens, denied_tokens.c.token_hash == bindparam("token_hash"))
        .where(users.c.id == bindparam("user_id"))
    )


_IN_ORGANIZATION = caller_status(memberships.c.role).outerjoin(
    memberships,
    and_(
        memberships.c.user_id == users.c.id,
        memberships.c.org_id == bindparam("member_org_id"),
    ),
)


_ADMINISTRATOR = caller_status(users.c.is_admin)


_USER = caller_status()


@dataclass(frozen=True, slots=True)
class Access:
    storage: Storage

    @contextmanager
    def organization(
        self, caller: Caller, org_id: UUID, permission: str, *, write: bool
    ) -> Iterator[Transaction]:
        require_scope(caller, permission)
        with self.storage.transaction(org_id, write=write) as tx:
            parameters = {**caller_parameters(caller), "member_org_id": org_id}
            role = require_active(caller, tx.rows(_IN_ORGANIZATION, parameters))[STATUS_COLUMNS]
            if role is None:
                raise NotFound("There is no such organization.")
            if permission not in ROLES[role]:
                raise Forbidden(f"The role {role} does not have the permission {permission}.")
            yield tx

    def administrator(self, caller: Caller, scope: str) -> None:
        """Let pass only who administers the instance: by the token, or by a mark of the user."""
        require_scope(caller, scope)
        with self.storage.system_transaction(write=False) as tx:
            row = require_active(caller, tx.rows(_ADMINISTRATOR, caller_parameters(caller)))
        if not (caller.is_admin or row[STATUS_COLUMNS]):
            raise Forbidden("Only an administrator of this instance may do that.")

    def account(self, caller: Caller, scope: str) -> None:
        require_scope(caller, scope)
        with self.storage.system_transaction(write=False) as tx:
            require_active(caller, tx.rows(_USER, caller_parameters(caller)))


def require_scope(caller: Caller, scope: str) -> None:
    """Refuse a personal access token that was not given a scope; signed-in users have all."""
    if caller.scopes is not None and scope not in caller.scopes:
        raise InsufficientScope(scope)


def caller_parameters(caller: Caller) -> dict[str, Any]:
    return {
        "user_id": caller.user_id,
        "session_id": caller.session_id,
        "token_hash": caller.token_hash,
    }


def require_active(caller: Caller, rows: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """Return the first row of `caller_status`, for a caller whose token is still valid."""
    disabled_at, denied, session_id, revoked_at = rows[0][:STATUS_COLUMNS] if rows else _GONE
    if disabled_at is not None:
        raise Unauthenticated("The account is disabled or gone.")
    if denied is not None:
        raise Unauthenticated("The token was signed out.")
    if caller.session_id is not None and (session_id is None or revoked_at is not None):
        raise Unauthenticated("The session is over.")
    return rows[0]


_GONE = ("gone", None, None, None)
