"""Invitations: a link that lets whoever holds it join one organization in one role, once."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, bindparam, delete, func, insert, select, update

from nestegg_core.auth.builtin.email_verification import link_hash, mark_verified
from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.locks import Quota
from nestegg_core.database.paging import LAST, Page, page_by_id, position
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import (
    credentials,
    invitations,
    memberships,
    organizations,
    users,
)
from nestegg_core.database.types import new_id
from nestegg_core.errors import Conflict, Forbidden, NotAdmitted, NotFound, StaleVersion
from nestegg_core.mail.messages import Message, Messages
from nestegg_core.users.emails import EMAIL_INDEX, INVITED_INDEX, Emails
from nestegg_core.users.organizations import places_of, role_of
from nestegg_core.users.roles import ROLES, at_most

LIFETIME = timedelta(days=7)

_I = invitations.c
_PAGE = (
    select(invitations)
    .where(_I.org_id == bindparam("in_org_id"), _I.id < bindparam("after"))
    .order_by(_I.id.desc())
    .limit(bindparam("count"))
)
_INVITER = and_(memberships.c.org_id == _I.org_id, memberships.c.user_id == _I.invited_by)
_OPEN = (
    select(invitations, memberships.c.role.label("role_of_inviter"))
    .join(memberships, _INVITER)
    .join(users, and_(users.c.id == _I.invited_by, users.c.disabled_at.is_(None)))
)


@dataclass(frozen=True, slots=True)
class Quotas:
    """How many there may be."""

    open: Quota
    members: Quota
    organizations: Quota


@dataclass(frozen=True, slots=True)
class Invitations:
    storage: Storage
    rows: SealedRows
    emails: Emails
    messages: Messages
    clock: Callable[[], datetime]
    quotas: Quotas

    def page(
        self, tx: Transaction, *, limit: int, after: tuple[Any, ...] | None
    ) -> Page[dict[str, Any]]:
        """Return the organization's invitations, the newest first, and where the next page begins.

        Those that have expired are among them until they are forgotten.
        """
        begin = position(after, otherwise=LAST)
        parameters = {"in_org_id": tx.org_id, "after": begin, "count": limit + 1}
        return page_by_id(tx.execute(_PAGE, parameters).all(), limit, self._shown)

    def read(self, tx: Transaction, invitation_id: UUID) -> dict[str, Any]:
        return self._shown(_row(tx, invitation_id))

    def create(
        self, tx: Transaction, inviter_id: UUID, email: str, role: str
    ) -> tuple[dict[str, Any], str]:
        """Invite an address, and return the invitation with its link.

        An older invitation of the same address is worth nothing then.
        """
        if not at_most(role, role_of(tx, inviter_id)):
            raise Forbidden("Nobody can invite to a role above their own.")
        index = self.emails.index_of(INVITED_INDEX, email)
        tx.lock(f"invitation {tx.org_id} {index.hex()}")
        self._refuse_member(tx, email)
        self._replace(tx, index, email)
        self.quotas.open.require(
            tx,
            tx.org_id,
            select(func.count()).where(_I.org_id == tx.org_id, _I.expires_at > self.clock()),
        )
        token, now = secrets.token_urlsafe(32), self.clock()
        invitation_id = new_id()
        values = {
            "id": invitation_id,
            "org_id": tx.org_id,
            "email": email,
            "email_index": index,
            "role": role,
            "token_hash": link_hash(token),
            "invited_by": inviter_id,
            "expires_at": now + LIFETIME,
            "created_at": now,
            "updated_at": now,
            "version": 1,
        }
        tx.execute(insert(invitations), self.rows.seal(invitations, values))
        return self.read(tx, invitation_id), self.messages.link("accept-invitation", token)

    def delete(self, tx: Transaction, invitation_id: UUID, version: int) -> None:
        if _row(tx, invitation_id).version != version:
            raise StaleVersion("The invitation has changed since it was read.")
        tx.execute(delete(invitations).where(_I.id == invitation_id, _I.org_id == tx.org_id))

    def message(self, invitation_id: UUID) -> Message | None:
        """Write a mail with a new link, which nobody else has seen; `None` where it is withdrawn.

        The link that the invitation had before is worth nothing then.
        """
        token, now = secrets.token_urlsafe(32), self.clock()
        with self.storage.system_transaction(write=True) as tx:
            renewed = tx.execute(
                update(invitations)
                .where(_I.id == invitation_id, _I.expires_at > now)
                .values(token_hash=link_hash(token), mailed_at=now)
            )
            if renewed.rowcount == 0:
                return None
            found = tx.execute(
                select(_I.id, _I.email, _I.role, organizations.c.name)
                .join(organizations, organizations.c.id == _I.org_id)
                .where(_I.id == invitation_id)
            ).one()
        email = str(self.rows.open(invitations, found, ("email",))["email"])
        return self.messages.invitation(email, found.name, found.role, token)

    def require_open(self, token: str) -> None:
        with self.storage.system_transaction(write=False) as tx:
            self._open(tx, token)

    def accept(self, token: str, user_id: UUID) -> UUID:
        with self.storage.system_transaction(write=True) as tx:
            return self.join(tx, token, user_id)

    def join(self, tx: Transaction, token: str, user_id: UUID) -> UUID:
        """Do as `accept` does, within a transaction that may have made the user."""
        found, now = self._open(tx, token), self.clock()
        spent = tx.execute(
            delete(invitations).where(_I.id == found.id, _I.token_hash == found.token_hash)
        )
        if spent.rowcount == 0:  # another was faster
            raise _not_good()
        org_id: UUID = found.org_id
        place = (memberships.c.org_id == org_id, memberships.c.user_id == user_id)
        if tx.execute(select(memberships.c.role).where(*place)).first() is not None:
            raise Conflict("already-member", "You are a member of this organization already.")
        self.quotas.members.require(tx, org_id, _members_of(org_id))
        self.quotas.organizations.require(tx, user_id, places_of(user_id))
        values = {"org_id": org_id, "user_id": user_id, "role": found.role}
        stamps = {"created_at": now, "updated_at": now, "version": 1}
        tx.execute(insert(memberships), {**values, **stamps})
        if found.mailed_at is not None:
            self._verify(tx, user_id, found, now)
        return org_id

    def _open(self, tx: Transaction, token: str) -> Any:
        """Find a good invitation. What the inviter may no longer give, nobody gets."""
        found = tx.execute(
            _OPEN.where(_I.token_hash == link_hash(token), _I.expires_at > self.clock())
        ).first()
        if found is None or not (
            "members:write" in ROLES[found.role_of_inviter]
            and at_most(found.role, found.role_of_inviter)
        ):
            raise _not_good()
        return found

    def _replace(self, tx: Transaction, index: bytes, email: str) -> None:
        older = tx.execute(
            select(_I.id, _I.email).where(_I.org_id == tx.org_id, _I.email_index == index)
        ).all()
        ids = [row.id for row in older if self.emails.is_of(invitations, row, email)]
        tx.execute(delete(invitations).where(_I.id.in_(ids)))

    def _verify(self, tx: Transaction, user_id: UUID, invitation: Any, now: datetime) -> None:
        """Take a mailed link for proof of the address, if it is the one that the user has."""
        email = self.rows.show(invitations, invitation, ("email",))["email"]
        if email is None:  # it is damaged, and verifies nothing
            return
        user = tx.execute(select(users.c.id, users.c.email).where(users.c.id == user_id)).one()
        if self.emails.is_of(users, user, str(email)):
            mark_verified(tx, credentials.c.user_id == user_id, now=now)

    def _refuse_member(self, tx: Transaction, email: str) -> None:
        index = self.emails.index_of(EMAIL_INDEX, email)
        member = tx.execute(
            select(users.c.id, users.c.email)
            .join(credentials, credentials.c.user_id == users.c.id)
            .join(memberships, memberships.c.user_id == users.c.id)
            .where(memberships.c.org_id == tx.org_id, credentials.c.email_index == index)
        ).first()
        if member is not None and self.emails.is_of(users, member, email):
            raise Conflict("already-member", "Whoever has this address is a member already.")

    def _shown(self, row: Any) -> dict[str, Any]:
        values = row._mapping
        return {
            **{name: values[name] for name in _SHOWN},
            **self.rows.show(invitations, row, ("email",)),
        }


_SHOWN = (
    "id",
    "role",
    "invited_by",
    "mailed_at",
    "expires_at",
    "created_at",
    "updated_at",
    "version",
)
"""Columns that are shown as they are."""


def _row(tx: Transaction, invitation_id: UUID) -> Any:
    row = tx.execute(
        select(invitations).where(_I.id == invitation_id, _I.org_id == tx.org_id)
    ).first()
    if row is None:
        raise NotFound("There is no such invitation.")
    return row


def _members_of(org_id: UUID) -> Select[Any]:
    return select(func.count()).where(memberships.c.org_id == org_id)


def _not_good() -> NotAdmitted:
    return NotAdmitted(
        "invitation-invalid",
        "The invitation is unknown, used, withdrawn or expired. Ask for a new one.",
    )
