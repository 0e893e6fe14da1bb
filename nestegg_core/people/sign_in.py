"""Signing in with a password, and a code where a second factor is on.

An unknown email and a wrong password are answered in the same words after the same work.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, select, update

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.tables import credentials, persons, sessions
from nestegg_core.errors import Unauthenticated
from nestegg_core.people.devices import ADDRESS_INDEX, Device
from nestegg_core.people.emails import EMAIL_INDEX, Emails, Index
from nestegg_core.people.passwords import Match, Passwords
from nestegg_core.people.second_factors import SecondFactors
from nestegg_core.people.sessions import Sessions, TokenPair
from nestegg_core.people.sign_in_limits import SignInLimits

_C = credentials.c


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who has signed in.

    Attributes:
        tokens: of the new session.
        recovery_codes_left: when one was used, else `None`.
    """

    person_id: UUID
    tokens: TokenPair
    recovery_codes_left: int | None = None


class SignIn:
    """Checks passwords and codes, and opens sessions."""

    def __init__(
        self,
        *,
        storage: Storage,
        index: Index,
        emails: Emails,
        passwords: Passwords,
        limits: SignInLimits,
        second_factors: SecondFactors,
        sessions: Sessions,
    ) -> None:
        self._storage = storage
        self._index = index
        self._emails = emails
        self._passwords = passwords
        self._limits = limits
        self._second_factors = second_factors
        self._sessions = sessions

    def with_password(
        self, email: str, password: str, code: str | None = None, device: Device | None = None
    ) -> SignedIn:
        """Check a password, and a code where there is a second factor; open a session.

        Args:
            code: of the authenticator, or a recovery code.
            device: where the person signs in; `None` for the server's own use, without limits.

        Raises:
            Unauthenticated: unknown address, wrong password or disabled person, all in the same
                words and the same time.
            SecondFactorRefused: the password is right and the code is missing or wrong.
            TooManyRequests: there were too many tries.
        """
        account = self._emails.index_of(EMAIL_INDEX, email)
        row, known = self._find(account, email, device)
        self._limits.admit(account, device, known=known)
        match = self._passwords.verify(row.password_hash if row else None, password)
        if row is None or match is Match.WRONG or row.disabled_at is not None:
            raise _refusal()
        if code is not None:
            self._limits.admit_code(row.person_id, code)
        rehashed = self._passwords.hash(password) if match is Match.OUTDATED else None
        signed_in = self._open(row, rehashed, code, device)
        self._limits.forget(account, row.person_id, device)
        return signed_in

    def _find(self, account: bytes, email: str, device: Device | None) -> tuple[Any, bool]:
        """Return the account's row, and whether it has signed in from this network before."""
        network = device.network if device else ""
        place = self._index.of(ADDRESS_INDEX, network)
        before = exists().where(
            and_(sessions.c.person_id == _C.person_id, sessions.c.address_index == place)
        )
        with self._storage.system_transaction(write=False) as tx:
            row = tx.execute(
                select(
                    _C.person_id,
                    _C.password_hash,
                    _C.changed_at,
                    persons.c.id,
                    persons.c.email,
                    persons.c.disabled_at,
                    before.label("known"),
                )
                .join(persons)
                .where(_C.email_index == account)
            ).first()
        if row is None or not self._emails.is_of(persons, row, email):
            return None, False
        return row, bool(row.known)

    def _open(
        self, row: Any, rehashed: str | None, code: str | None, device: Device | None
    ) -> SignedIn:
        with self._storage.system_transaction(write=True) as tx:
            self._hold(tx, row)
            left = self._second_factors.check(tx, row.person_id, code)
            if rehashed is not None:
                tx.execute(
                    update(credentials)
                    .where(_C.person_id == row.person_id)
                    .values(password_hash=rehashed)
                )
            pair = self._sessions.open_in(tx, row.person_id, device)
        return SignedIn(row.person_id, pair, left)

    def _hold(self, tx: Transaction, row: Any) -> None:
        """Refuse what has changed while the password was checked; changing it waits from now on.

        Else whoever was disabled meanwhile would have a session for when they are enabled again.
        """
        now = tx.execute(
            select(_C.changed_at, persons.c.disabled_at)
            .join(persons)
            .where(_C.person_id == row.person_id)
            .with_for_update(key_share=True)  # does not wait for who joins an organization
        ).first()
        if now is None or now.changed_at != row.changed_at or now.disabled_at is not None:
            raise _refusal()


def _refusal() -> Unauthenticated:
    return Unauthenticated("The email or the password is wrong.", code="invalid_grant")
