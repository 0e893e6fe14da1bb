"""Signing in with a password, registering, and showing again that it is still the user.

Tries are limited so that nobody guesses and nobody is locked out. A stranger can use up what
strangers have: the tries from their own address, and the tries for an account from addresses that
it was never used from. From an address where the user has signed in before, only that user's tries
there count.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import and_, exists, select, update

from nestegg_core.auth.builtin import second_factor as totp
from nestegg_core.auth.builtin.password_change import PasswordChange
from nestegg_core.auth.builtin.passwords import Match, Passwords
from nestegg_core.auth.builtin.second_factor import SecondFactors
from nestegg_core.auth.builtin.sessions import ADDRESS_INDEX, Device, Sessions, TokenPair
from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.tables import credentials, sessions, users
from nestegg_core.encryption.blind_index import BlindIndex
from nestegg_core.errors import Conflict, NotAdmitted, SignInTooOld, Unauthenticated
from nestegg_core.rate_limits import RateLimits
from nestegg_core.users.access import Caller
from nestegg_core.users.emails import EMAIL_INDEX, Emails
from nestegg_core.users.invitations import Invitations
from nestegg_core.users.users import NewUser, Users

_PAIR = "sign-in to an account from an address"
_ADDRESS = "sign-in from an address"
_ACCOUNT = "sign-in to an account"
_CODE = "code for an account"


@dataclass(frozen=True, slots=True)
class SignInLimits:
    limits: RateLimits

    def admit(self, account: bytes, device: Device | None, *, known: bool) -> None:
        """Count a try, before any password is looked at: many at once count as many."""
        if device is None:
            return
        self.limits.hit(_PAIR, account.hex(), device.network)
        if not known:
            self.limits.hit(_ADDRESS, device.network)
            self.limits.hit(_ACCOUNT, account.hex())

    def admit_code(self, user_id: UUID, code: str) -> None:
        """Count a try of a code, wherever it comes from: the password was right already.

        Recovery codes are not counted, for they cannot be guessed: they are the way in for
        somebody whose codes others use up.
        """
        if totp.is_code("".join(code.split())):
            self.limits.hit(_CODE, user_id)

    def forget(self, account: bytes, user_id: UUID, device: Device | None) -> None:
        self.limits.forget(_CODE, user_id)
        if device is not None:
            self.limits.forget(_PAIR, account.hex(), device.network)


_C = credentials.c


@dataclass(frozen=True, slots=True)
class SignedIn:
    user_id: UUID
    tokens: TokenPair
    recovery_codes_left: int | None = None


@dataclass(frozen=True, slots=True)
class PasswordSignIn:
    storage: Storage
    index: BlindIndex
    emails: Emails
    passwords: Passwords
    limits: SignInLimits
    second_factors: SecondFactors
    sessions: Sessions

    def with_password(
        self, email: str, password: str, code: str | None = None, device: Device | None = None
    ) -> SignedIn:
        account = self.emails.index_of(EMAIL_INDEX, email)
        row, known = self._find(account, email, device)
        self.limits.admit(account, device, known=known)
        match = self.passwords.verify(row.password_hash if row else None, password)
        if row is None or match is Match.WRONG or row.disabled_at is not None:
            raise _refusal()
        if code is not None:
            self.limits.admit_code(row.user_id, code)
        rehashed = self.passwords.hash(password) if match is Match.OUTDATED else None
        signed_in = self._open(row, rehashed, code, device)
        self.limits.forget(account, row.user_id, device)
        return signed_in

    def _find(self, account: bytes, email: str, device: Device | None) -> tuple[Any, bool]:
        """Return the account's row, and whether it has signed in from this network before."""
        network = device.network if device else ""
        place = self.index.of(ADDRESS_INDEX, network)
        before = exists().where(
            and_(sessions.c.user_id == _C.user_id, sessions.c.address_index == place)
        )
        with self.storage.system_transaction(write=False) as tx:
            row = tx.execute(
                select(
                    _C.user_id,
                    _C.password_hash,
                    _C.changed_at,
                    users.c.id,
                    users.c.email,
                    users.c.disabled_at,
                    before.label("known"),
                )
                .join(users)
                .where(_C.email_index == account)
            ).first()
        if row is None or not self.emails.is_of(users, row, email):
            return None, False
        return row, bool(row.known)

    def _open(
        self, row: Any, rehashed: str | None, code: str | None, device: Device | None
    ) -> SignedIn:
        with self.storage.system_transaction(write=True) as tx:
            self._hold(tx, row)
            left = self.second_factors.check(tx, row.user_id, code)
            if rehashed is not None:
                tx.execute(
                    update(credentials)
                    .where(_C.user_id == row.user_id)
                    .values(password_hash=rehashed)
                )
            pair = self.sessions.open_in(tx, row.user_id, device)
        return SignedIn(row.user_id, pair, left)

    def _hold(self, tx: Transaction, row: Any) -> None:
        """Refuse what has changed while the password was checked; changing it waits from now on.

        Else whoever was disabled meanwhile would have a session for when they are enabled again.
        """
        now = tx.execute(
            select(_C.changed_at, users.c.disabled_at)
            .join(users)
            .where(_C.user_id == row.user_id)
            .with_for_update(key_share=True)  # does not wait for who joins an organization
        ).first()
        if now is None or now.changed_at != row.changed_at or now.disabled_at is not None:
            raise _refusal()


def _refusal() -> Unauthenticated:
    return Unauthenticated("The email or the password is wrong.", code="invalid_grant")


RECENT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class RecentProof:
    """Lets pass who has verified within the last ten minutes that it is them.

    Signing in is such a proof: here, or at the identity provider whose token says when. Later a
    password or a code has to come with the request. A personal access token verifies nothing.
    """

    storage: Storage
    passwords: PasswordChange
    second_factors: SecondFactors
    clock: Callable[[], datetime]

    def require(self, caller: Caller, password: str | None, code: str | None) -> None:
        if password is not None:
            self.passwords.require(caller.user_id, password, "/password")
        elif code is not None:
            self.second_factors.verify(caller.user_id, code)
        else:
            at = self._signed_in_at(caller)
            if at is None or at <= self.clock() - RECENT:
                raise SignInTooOld(RECENT)

    def _signed_in_at(self, caller: Caller) -> datetime | None:
        if caller.session_id is None:
            return caller.authenticated_at
        opened = select(sessions.c.created_at).where(sessions.c.id == caller.session_id)
        with self.storage.system_transaction(write=False) as tx:
            at: datetime | None = tx.execute(opened).scalar()
        return at


_TAKEN = "emails found taken from an address"
_UNINVITED = "registrations from an address"

Mode = Literal["open", "invite", "closed"]


@dataclass(frozen=True, slots=True)
class Registration:
    """Registers users with a password, as far as the operator lets them.

    Who registers has to be told that an email has an account. So that nobody goes through a list
    of them, it is told to one address only so often.
    """

    mode: Mode
    users: Users
    invitations: Invitations
    limits: RateLimits

    def register(
        self, email: str, password: str, name: str | None, invitation: str | None, device: Device
    ) -> NewUser:
        self._refuse(invitation)
        self.limits.require(_TAKEN, device.network)
        if invitation is None:  # else each new user could invite as many as one may
            self.limits.hit(_UNINVITED, device.network)
        try:
            return self._make(email, password, name, invitation)
        except Conflict:
            self.limits.hit(_TAKEN, device.network)
            raise

    def _refuse(self, invitation: str | None) -> None:
        if self.mode == "closed":
            raise NotAdmitted(
                "registration-closed", "Nobody can register here. Ask an administrator."
            )
        if invitation is None and self.mode == "invite":
            raise NotAdmitted(
                "invitation-required",
                "Only who is invited can register here. Ask a member, or an administrator.",
            )
        if invitation is not None:  # before the slow work anyone could ask for
            self.invitations.require_open(invitation)

    def _make(self, email: str, password: str, name: str | None, invitation: str | None) -> NewUser:
        if invitation is None:
            return self.users.register(email, password, name)
        return self.users.register_member(
            email,
            password,
            name,
            lambda tx, user_id: self.invitations.join(tx, invitation, user_id),
        )
