"""Organizations, a household or a company whose rows nobody else sees, and their members."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, delete, func, insert, select, update

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.locks import Quota
from nestegg_core.database.paging import FIRST, Page, page_by_id, position
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import memberships, organizations, users
from nestegg_core.errors import Conflict, Forbidden, NotFound, StaleVersion
from nestegg_core.users.roles import at_most


def places_of(user_id: UUID) -> Select[Any]:
    return select(func.count()).where(memberships.c.user_id == user_id)


@dataclass(frozen=True, slots=True)
class Organizations:
    storage: Storage
    prepare: Callable[[Transaction], None]
    clock: Callable[[], datetime]
    quota: Quota

    def open(self, org_id: UUID) -> AbstractContextManager[Transaction]:
        """Begin the transaction in which an organization of that id is made."""
        return self.storage.transaction(org_id, write=True)

    def create_further(self, tx: Transaction, owner_id: UUID, name: str) -> dict[str, Any]:
        self.quota.require(tx, owner_id, places_of(owner_id))
        self.create_in(tx, owner_id, name)
        return self.read(tx)

    def of_id(self, org_id: UUID) -> dict[str, Any]:
        with self.storage.transaction(org_id, write=False) as tx:
            return self.read(tx)

    def create_in(self, tx: Transaction, owner_id: UUID, name: str) -> None:
        now = self.clock()
        stamps = {"created_at": now, "updated_at": now, "version": 1}
        tx.execute(insert(organizations), {"id": tx.org_id, "name": name, **stamps})
        owner = {"org_id": tx.org_id, "user_id": owner_id, "role": "owner"}
        tx.execute(insert(memberships), {**owner, **stamps})
        self.prepare(tx)

    def read(self, tx: Transaction) -> dict[str, Any]:
        row = tx.execute(select(organizations).where(organizations.c.id == tx.org_id)).one()
        return {
            "id": row.id,
            "name": row.name,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
            "version": row.version,
        }

    def change(self, tx: Transaction, version: int, changes: Mapping[str, Any]) -> dict[str, Any]:
        changed = tx.execute(
            update(organizations)
            .where(organizations.c.id == tx.org_id, organizations.c.version == version)
            .values(**changes, version=version + 1, updated_at=self.clock())
        )
        if changed.rowcount == 0:
            raise StaleVersion("The organization has changed since it was read.")
        return self.read(tx)


OWNER = "owner"

_M = memberships.c
_MEMBERS = (
    select(
        users.c.id,
        users.c.email,
        users.c.name,
        users.c.disabled_at,
        _M.role,
        _M.granted_by,
        _M.created_at,
        _M.updated_at,
        _M.version,
    )
    .join(users, users.c.id == _M.user_id)
    .where(_M.org_id == bindparam("in_org_id"))
)
_PAGE = (
    _MEMBERS.where(users.c.id > bindparam("after")).order_by(users.c.id).limit(bindparam("count"))
)
_ONE = _MEMBERS.where(users.c.id == bindparam("member_id"))
_OWNERS_WHO_CAN_COME_IN = (
    select(func.count())
    .select_from(memberships)
    .join(users, users.c.id == _M.user_id)
    .where(
        _M.org_id == bindparam("in_org_id"),
        _M.role == OWNER,
        users.c.disabled_at.is_(None),
    )
)


@dataclass(frozen=True, slots=True)
class Members:
    rows: SealedRows
    issuers: Collection[str]
    clock: Callable[[], datetime]

    def page(
        self, tx: Transaction, *, limit: int, after: tuple[Any, ...] | None
    ) -> Page[dict[str, Any]]:
        begin = position(after, otherwise=FIRST)
        parameters = {"in_org_id": tx.org_id, "after": begin, "count": limit + 1}
        return page_by_id(tx.execute(_PAGE, parameters).all(), limit, self._shown)

    def read(self, tx: Transaction, user_id: UUID) -> dict[str, Any]:
        return self._shown(_row(tx, user_id))

    def change(
        self, tx: Transaction, caller_id: UUID, user_id: UUID, version: int, role: str
    ) -> dict[str, Any]:
        member = self._in_reach(tx, caller_id, user_id, version)
        if not at_most(role, role_of(tx, caller_id)):
            raise Forbidden("Nobody can give a role above their own.")
        values = {"role": role, "granted_by": None, "version": member.version + 1}
        tx.execute(
            update(memberships)
            .where(*_place(tx, user_id))
            .values(**values, updated_at=self.clock())
        )
        _refuse_ownerless(tx, member)
        return self.read(tx, user_id)

    def remove(self, tx: Transaction, caller_id: UUID, user_id: UUID, version: int) -> None:
        """Take a member out, from the very next request on. Everyone may take themselves out."""
        member = self._in_reach(tx, caller_id, user_id, version)
        tx.execute(delete(memberships).where(*_place(tx, user_id)))
        _refuse_ownerless(tx, member)

    def _in_reach(self, tx: Transaction, caller_id: UUID, user_id: UUID, version: int) -> Any:
        """Return a member whom the caller may touch; nobody else changes a role meanwhile."""
        tx.lock(f"members {tx.org_id}")
        member = _row(tx, user_id)
        if member.version != version:
            raise StaleVersion("The member has changed since they were read.")
        if not at_most(member.role, role_of(tx, caller_id)):
            raise Forbidden("Only owners can change an owner.")
        if member.granted_by in self.issuers:
            raise Conflict(
                "role-of-provider",
                "The groups of an identity provider give this role. Change it there.",
            )
        return member

    def _shown(self, row: Any) -> dict[str, Any]:
        return {
            "user_id": row.id,
            **self.rows.show(users, row, ("email", "name")),
            "role": row.role,
            "granted_by": row.granted_by,
            "disabled": row.disabled_at is not None,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
            "version": row.version,
        }


def role_of(tx: Transaction, user_id: UUID) -> str:
    role = tx.execute(select(_M.role).where(*_place(tx, user_id))).scalar()
    if role is None:
        raise NotFound("There is no such member.")
    return str(role)


def _place(tx: Transaction, user_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return _M.org_id == tx.org_id, _M.user_id == user_id


def _row(tx: Transaction, user_id: UUID) -> Any:
    row = tx.execute(_ONE, {"in_org_id": tx.org_id, "member_id": user_id}).first()
    if row is None:
        raise NotFound("There is no such member.")
    return row


def _refuse_ownerless(tx: Transaction, before: Any) -> None:
    """Look once an owner was changed; what was written is rolled back where none is left."""
    if before.role != OWNER:
        return
    if tx.execute(_OWNERS_WHO_CAN_COME_IN, {"in_org_id": tx.org_id}).scalar_one() == 0:
        raise Conflict("last-owner", "This is the last owner. Make somebody else one first.")
