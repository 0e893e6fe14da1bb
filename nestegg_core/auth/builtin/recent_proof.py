"""Proof that it is still the user who is there: asked for before what outlives a session."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from nestegg_core.auth.builtin.password_change import PasswordChange
from nestegg_core.auth.builtin.second_factor import SecondFactors
from nestegg_core.contracts.storage import Storage
from nestegg_core.database.tables import sessions
from nestegg_core.errors import SignInTooOld
from nestegg_core.users.access import Caller

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
