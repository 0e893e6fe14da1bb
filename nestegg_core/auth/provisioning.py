"""What another provider's identity becomes here: a user, whom it signs in from then on.

The pair of issuer and subject is the only key. An address leads to a user under conditions that
leave no way to take somebody's account over, and otherwise to nobody.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update

from nestegg_core.auth.builtin.sessions import is_denied
from nestegg_core.auth.group_roles import Grants, GroupRoles, digest_of, lock_identities
from nestegg_core.contracts.identity import Identity
from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import credentials, identities, users
from nestegg_core.database.types import new_id
from nestegg_core.errors import Conflict, Unauthenticated
from nestegg_core.users.emails import EMAIL_INDEX, Emails
from nestegg_core.users.users import NewUser, Users

logger = logging.getLogger(__name__)

_I = identities.c
_KNOWN = select(_I.id, _I.user_id, _I.grants_hash).where(
    _I.issuer == bindparam("issuer"), _I.subject == bindparam("subject")
)


@dataclass(frozen=True, slots=True)
class Known:
    identity_id: UUID
    user_id: UUID
    grants_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Provisioning:
    """Finds the user behind an identity, makes one at first sight, and keeps roles in step."""

    storage: Storage
    rows: SealedRows
    emails: Emails
    users: Users
    group_roles: GroupRoles
    clock: Callable[[], datetime]

    def of_identity(self, identity: Identity, token_hash: bytes = b"") -> UUID:
        """Return the user behind another provider's identity.

        One who is known and whose groups give what they gave costs one read.
        """
        known, grants = self._known(identity), self.group_roles.roles_for(identity)
        if known is not None and digest_of(grants) == known.grants_hash:
            return known.user_id
        self._refuse_denied(token_hash)
        known = known or self._first_seen(identity)
        if known is None:
            raise Unauthenticated("Nobody here is known by this identity.")
        if digest_of(grants) != known.grants_hash:
            self._sync(known, identity.issuer, grants)
        return known.user_id

    def _refuse_denied(self, token_hash: bytes) -> None:
        """Keep a token that was signed out from making anybody, and from giving back a role."""
        with self.storage.system_transaction(write=False) as tx:
            if is_denied(tx, token_hash):
                raise Unauthenticated("The token was signed out.")

    def _known(self, identity: Identity) -> Known | None:
        parameters = {"issuer": identity.issuer, "subject": identity.subject}
        with self.storage.system_transaction(write=False) as tx:
            found = tx.rows(_KNOWN, parameters)
        return Known(*found[0]) if found else None

    def _first_seen(self, identity: Identity) -> Known | None:
        try:
            return self._link_by_email(identity) or self._provision(identity)
        except Conflict:  # two first requests at once: the other one made the user
            return self._known(identity)

    def _provision(self, identity: Identity) -> Known | None:
        if not identity.may_provision:
            return None
        new = NewUser(new_id(), new_id())
        with self.storage.transaction(new.org_id, write=True) as tx:
            self.users.add(tx, new, identity.email, identity.name)
            return insert_identity(tx, self.rows, new.user_id, identity, self.clock())

    def _link_by_email(self, identity: Identity) -> Known | None:
        """Link to whoever has verified the address here, if the provider may vouch for it.

        Letters outside of ASCII have look-alikes that a provider may take for the same.
        """
        email = identity.email
        if not (identity.may_link and identity.email_verified and email and email.isascii()):
            return None
        index = self.emails.index_of(EMAIL_INDEX, email)
        with self.storage.system_transaction(write=True) as tx:
            user_id = self._who_has_verified(tx, index, email)
            if user_id is None:
                return None
            lock_identities(tx, user_id)
            if identity_of_issuer(tx, user_id, identity.issuer) is not None:
                return None  # two users of one provider cannot both be this one
            known = insert_identity(tx, self.rows, user_id, identity, self.clock())
        logger.info("user %s was linked to %s by email", user_id, identity.issuer)
        return known

    def _who_has_verified(self, tx: Transaction, index: bytes, email: str) -> UUID | None:
        row = tx.execute(
            select(users.c.id, users.c.email)
            .join(credentials, credentials.c.user_id == users.c.id)
            .where(
                credentials.c.email_index == index,
                credentials.c.email_verified_at.is_not(None),
                users.c.disabled_at.is_(None),
            )
        ).first()
        if row is None or not self.emails.is_of(users, row, email):
            return None
        user_id: UUID = row.id
        return user_id

    def _sync(self, known: Known, issuer: str, grants: Grants) -> None:
        try:
            self._write_grants(known, issuer, grants)
        except Conflict:  # somebody became a member by hand at the same moment: now they are one
            self._write_grants(known, issuer, grants)

    def _write_grants(self, known: Known, issuer: str, grants: Grants) -> None:
        digest = digest_of(grants)
        with self.storage.system_transaction(write=True) as tx:
            lock_identities(tx, known.user_id)
            stored = tx.execute(
                select(_I.grants_hash).where(
                    _I.id == known.identity_id, _I.user_id == known.user_id
                )
            ).first()
            if stored is None or stored.grants_hash == digest:
                return  # unlinked meanwhile, or another request has done it
            self.group_roles.sync(tx, known.user_id, issuer, grants)
            tx.execute(
                update(identities).where(_I.id == known.identity_id).values(grants_hash=digest)
            )


def insert_identity(
    tx: Transaction, rows: SealedRows, user_id: UUID, identity: Identity, now: datetime
) -> Known:
    identity_id = new_id()
    values = {
        "id": identity_id,
        "user_id": user_id,
        "issuer": identity.issuer,
        "subject": identity.subject,
        "email": identity.email,
        "created_at": now,
    }
    tx.execute(insert(identities), rows.seal(identities, values))
    return Known(identity_id, user_id)


def identity_of_issuer(tx: Transaction, user_id: UUID, issuer: str) -> UUID | None:
    """Return the id of the identity that a user has at an issuer: one at most."""
    found: UUID | None = tx.execute(
        select(_I.id).where(_I.user_id == user_id, _I.issuer == issuer)
    ).scalar()
    return found
