"""Other providers' identities of a user: which they are, and linking while signed in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, select

from nestegg_core.auth.builtin.password_change import PasswordChange
from nestegg_core.auth.builtin.sessions import is_denied
from nestegg_core.auth.group_roles import GroupRoles, lock_identities
from nestegg_core.auth.provisioning import identity_of_issuer, insert_identity
from nestegg_core.contracts.identity import Identity
from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import credentials, identities
from nestegg_core.errors import Conflict, InvalidInput, NotFound

_I = identities.c


@dataclass(frozen=True, slots=True)
class IdentityLinks:
    """Lists, links and unlinks.

    What is linked signs in for good, whatever becomes of the password. So whoever finds a token
    shall not link: the password is asked for. Nor shall who registered with somebody else's
    address, and waits for them to come by a link to reset the password: the address is verified
    first, where the server can mail such links.
    """

    storage: Storage
    rows: SealedRows
    group_roles: GroupRoles
    providers: Mapping[str, str]
    passwords_count: bool
    proof: PasswordChange
    mails: bool
    clock: Callable[[], datetime]

    def list(self, user_id: UUID) -> Sequence[dict[str, Any]]:
        with self.storage.system_transaction(write=False) as tx:
            return [self._shown(row) for row in _of_user(tx, user_id)]

    def link(
        self, user_id: UUID, identity: Identity, token_hash: bytes, password: str | None = None
    ) -> dict[str, Any]:
        """Link an identity, whose token was verified, to a user; one that is theirs stays so."""
        if identity.issuer not in self.providers:
            raise _bad_token("must be a token of another provider than the built-in one")
        if self.passwords_count:
            self.proof.require_if_any(user_id, password, "/password")
        try:
            return self._link(user_id, identity, token_hash)
        except Conflict as error:
            if error.code != "constraint":
                raise
            # It became somebody's at this very moment: now it is known whose.
            return self._link(user_id, identity, token_hash)

    def _link(self, user_id: UUID, identity: Identity, token_hash: bytes) -> dict[str, Any]:
        with self.storage.system_transaction(write=True) as tx:
            lock_identities(tx, user_id)
            _refuse_denied(tx, token_hash)
            owner = _owner_of(tx, identity)
            if owner is None:
                self._insert(tx, user_id, identity)
            elif owner != user_id:
                raise Conflict("identity-taken", "This identity is somebody else's here.")
            linked = identity_of_issuer(tx, user_id, identity.issuer)
            return next(self._shown(row) for row in _of_user(tx, user_id) if row.id == linked)

    def unlink(self, user_id: UUID, identity_id: UUID) -> None:
        with self.storage.system_transaction(write=True) as tx:
            lock_identities(tx, user_id)
            found = _of_user(tx, user_id)
            one = next((row for row in found if row.id == identity_id), None)
            if one is None:
                raise NotFound("There is no such identity.")
            others = [row for row in found if row.id != identity_id]
            if not self._can_sign_in(tx, user_id, others):
                raise Conflict(
                    "last-way-to-sign-in",
                    "Nothing else would sign you in. Link another provider first.",
                )
            self.group_roles.sync(tx, user_id, one.issuer, {})
            tx.execute(delete(identities).where(_I.id == identity_id))

    def _insert(self, tx: Transaction, user_id: UUID, identity: Identity) -> None:
        if identity_of_issuer(tx, user_id, identity.issuer) is not None:
            raise Conflict(
                "provider-linked",
                "You have another identity of this provider already. Unlink it first.",
            )
        provable = self.passwords_count and self.mails
        if provable and _has_unverified_address(tx, user_id):
            raise Conflict("address-not-verified", "Verify your address first, by a mailed link.")
        insert_identity(tx, self.rows, user_id, identity, self.clock())

    def _can_sign_in(self, tx: Transaction, user_id: UUID, others: Sequence[Any]) -> bool:
        if any(row.issuer in self.providers for row in others):
            return True
        if not self.passwords_count:
            return False
        password = select(credentials.c.user_id).where(credentials.c.user_id == user_id)
        return tx.execute(password).first() is not None

    def _shown(self, row: Any) -> dict[str, Any]:
        return {
            "id": row.id,
            "provider": self.providers.get(row.issuer),
            "issuer": row.issuer,
            "subject": row.subject,
            **self.rows.show(identities, row, ("email",)),
            "created_at": row.created_at,
        }


def _of_user(tx: Transaction, user_id: UUID) -> Sequence[Any]:
    of_user = select(identities).where(_I.user_id == user_id).order_by(_I.id)
    return tx.execute(of_user).all()


def _owner_of(tx: Transaction, identity: Identity) -> UUID | None:
    key = and_(_I.issuer == identity.issuer, _I.subject == identity.subject)
    owner: UUID | None = tx.execute(select(_I.user_id).where(key)).scalar()
    return owner


def _has_unverified_address(tx: Transaction, user_id: UUID) -> bool:
    unverified = select(credentials.c.user_id).where(
        credentials.c.user_id == user_id, credentials.c.email_verified_at.is_(None)
    )
    return tx.execute(unverified).first() is not None


def _refuse_denied(tx: Transaction, token_hash: bytes) -> None:
    if is_denied(tx, token_hash):
        raise _bad_token("was signed out")


def _bad_token(detail: str) -> InvalidInput:
    return InvalidInput.one("/token", "bad_token", detail)
