"""The password of somebody who is signed in: proved again before what matters, and changed."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update

from nestegg_core.contracts.storage import Storage
from nestegg_core.database.tables import credentials, one_time_links
from nestegg_core.errors import Conflict, InvalidInput
from nestegg_core.people.access import Caller
from nestegg_core.people.passwords import Passwords
from nestegg_core.people.rate_limits import RateLimits
from nestegg_core.people.sessions import end_sessions

_RULE = "proof by a person"


class OwnPassword:
    """Checks and changes people's own passwords.

    Whoever finds an unlocked screen, or a token, shall neither guess the password there nor take
    the account over: the present password is asked for, and tries are counted, good ones too.
    """

    def __init__(
        self,
        *,
        storage: Storage,
        passwords: Passwords,
        limits: RateLimits,
        clock: Callable[[], datetime],
    ) -> None:
        self._storage = storage
        self._passwords = passwords
        self._limits = limits
        self._clock = clock

    def require(self, person_id: UUID, password: str, pointer: str) -> None:
        """Let pass only who knows the person's password.

        Args:
            pointer: where the request has it, for the error.

        Raises:
            Conflict: the person has no password here.
            InvalidInput: it is wrong.
            TooManyRequests: it was wrong too often.
        """
        self.count(person_id)
        with self._storage.system_transaction(write=False) as tx:
            stored = tx.execute(
                select(credentials.c.password_hash).where(credentials.c.person_id == person_id)
            ).scalar()
        if stored is None:
            raise Conflict("no-password", "You sign in with another provider, without a password.")
        if not self._passwords.verify(stored, password):
            raise InvalidInput.one(pointer, "wrong", "is not your password")

    def require_if_any(self, person_id: UUID, password: str | None, pointer: str) -> None:
        """Do as `require` does, but let pass whoever has no password here.

        Raises:
            InvalidInput: the password is missing or wrong.
            TooManyRequests: it was wrong too often.
        """
        with self._storage.system_transaction(write=False) as tx:
            stored = tx.execute(
                select(credentials.c.person_id).where(credentials.c.person_id == person_id)
            ).first()
        if stored is None:
            return
        if password is None:
            raise InvalidInput.one(pointer, "missing", "is required of whoever has a password")
        self.require(person_id, password, pointer)

    def count(self, person_id: UUID) -> None:
        """Count a try of a person to prove something.

        Raises:
            TooManyRequests: there were too many.
        """
        self._limits.hit(_RULE, person_id)

    def change(self, caller: Caller, old: str, new: str) -> None:
        """Change the caller's password; their other sessions end, and so do links to reset it.

        Raises:
            Conflict: the person has no password here.
            InvalidInput: the old one is wrong.
            TooManyRequests: it was wrong too often.
        """
        self.require(caller.person_id, old, "/old_password")
        password_hash = self._passwords.hash(new)
        now = self._clock()
        with self._storage.system_transaction(write=True) as tx:
            tx.execute(
                update(credentials)
                .where(credentials.c.person_id == caller.person_id)
                .values(password_hash=password_hash, changed_at=now)
            )
            tx.execute(
                delete(one_time_links).where(
                    one_time_links.c.person_id == caller.person_id,
                    one_time_links.c.purpose == "reset",
                )
            )
            end_sessions(tx, caller.person_id, now, but=caller.session_id)
