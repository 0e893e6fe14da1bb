"""Who may: turns a verified identity into a person, and a person into a right.

The check rides in the same transaction as the work it guards, so that it costs one round trip
and cannot be outrun by a change of roles.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, bindparam, select

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.tables import denied_tokens, memberships, persons, sessions
from nestegg_core.errors import Forbidden, NotFound, Unauthenticated
from nestegg_core.people.permissions import ROLES


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request's token.

    Attributes:
        person_id: the person.
        is_admin: whether the token makes them an administrator of the instance.
        session_id: session of the built-in provider, if it is one.
        token_hash: SHA-256 of what the token signs; signing out denies it.
    """

    person_id: UUID
    is_admin: bool
    session_id: UUID | None
    token_hash: bytes


def _standing(*columns: Any) -> Select[Any]:
    """Select a person with what can take their token's worth away."""
    return (
        select(
            persons.c.disabled_at,
            sessions.c.revoked_at,
            denied_tokens.c.token_hash.label("denied"),
            *columns,
        )
        .outerjoin(
            sessions,
            and_(sessions.c.id == bindparam("session_id"), sessions.c.person_id == persons.c.id),
        )
        .outerjoin(denied_tokens, denied_tokens.c.token_hash == bindparam("token_hash"))
        .where(persons.c.id == bindparam("person_id"))
    )


_STANDING = _standing(sessions.c.id.label("session"))
_STANDING_IN_ORG = _standing(sessions.c.id.label("session"), memberships.c.role).outerjoin(
    memberships,
    and_(
        memberships.c.person_id == persons.c.id,
        memberships.c.org_id == bindparam("member_org_id"),
    ),
)


class Access:
    """Opens the transactions in which a caller's request runs."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @contextmanager
    def organization(
        self, caller: Caller, org_id: UUID, permission: str, *, write: bool
    ) -> Iterator[Transaction]:
        """Open a transaction on an organization for a caller who has the permission there.

        Raises:
            Unauthenticated: the person is disabled or the session is over.
            NotFound: the person is no member; looks like an organization that does not exist.
            Forbidden: the role does not have the permission.
        """
        with self._storage.transaction(org_id, write=write) as tx:
            row = _standing_of(
                caller,
                tx.execute(
                    _STANDING_IN_ORG, {**_parameters(caller), "member_org_id": org_id}
                ).first(),
            )
            if row.role is None:
                raise NotFound("There is no such organization.")
            if permission not in ROLES[row.role]:
                raise Forbidden(f"The role {row.role} does not have the permission {permission}.")
            yield tx

    @contextmanager
    def person(self, caller: Caller, *, write: bool) -> Iterator[Transaction]:
        """Open a system transaction for a caller whose token is still worth something.

        Raises:
            Unauthenticated: the person is disabled or the session is over.
        """
        with self._storage.system_transaction(write=write) as tx:
            _standing_of(caller, tx.execute(_STANDING, _parameters(caller)).first())
            yield tx


def _parameters(caller: Caller) -> dict[str, Any]:
    return {
        "person_id": caller.person_id,
        "session_id": caller.session_id,
        "token_hash": caller.token_hash,
    }


def _standing_of(caller: Caller, row: Row[Any] | None) -> Row[Any]:
    """Refuse a caller whose token has lost its worth since it was issued."""
    if row is None or row.disabled_at is not None:
        raise Unauthenticated("The account is disabled or gone.")
    if row.denied is not None:
        raise Unauthenticated("The token was signed out.")
    if caller.session_id is not None and (row.session is None or row.revoked_at is not None):
        raise Unauthenticated("The session is over.")
    return row
