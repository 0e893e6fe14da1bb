"""The password of somebody who is signed in: proved again before what matters, and changed."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from nestegg_core.contracts.storage import Storage
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import credentials, persons
from nestegg_core.errors import Conflict, InvalidInput
from nestegg_core.people.access import Caller
from nestegg_core.people.new_passwords import Ended, replace_password
from nestegg_core.people.password_rules import refuse_weak
from nestegg_core.people.passwords import Match, Passwords
from nestegg_core.people.rate_limits import RateLimits

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
        rows: SealedRows,
        passwords: Passwords,
        limits: RateLimits,
        clock: Callable[[], datetime],
    ) -> None:
        self._storage = storage
        self._rows = rows
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
        if self._passwords.verify(stored, password) is Match.WRONG:
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

    def change(self, caller: Caller, old: str, new: str, *, keep_tokens: bool = False) -> Ended:
        """Change the caller's password; see `replace_password` for what ends with it.

        The session in which it is changed goes on.

        Raises:
            Conflict: the person has no password here.
            InvalidInput: the old one is wrong, or the new one is too easy to guess.
            TooManyRequests: it was wrong too often.
        """
        self.require(caller.person_id, old, "/old_password")
        refuse_weak(new, "/new_password", **self._about(caller.person_id))
        password_hash = self._passwords.hash(new)
        with self._storage.system_transaction(write=True) as tx:
            return replace_password(
                tx,
                caller.person_id,
                password_hash,
                self._clock(),
                keep_session=caller.session_id,
                keep_tokens=keep_tokens,
            )

    def _about(self, person_id: UUID) -> dict[str, str | None]:
        """Return what a password must not be made of."""
        columns = (persons.c.id, persons.c.email, persons.c.name)
        with self._storage.system_transaction(write=False) as tx:
            row = tx.execute(select(*columns).where(persons.c.id == person_id)).one()
        shown = self._rows.show(persons, row, ("email", "name"))
        return {name: shown[name] for name in ("email", "name")}
