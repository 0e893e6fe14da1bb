"""The second factor of the built-in sign-in: codes of an authenticator app.

It guards passwords alone: other identity providers ask for a second factor themselves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import delete, insert, or_, select, update

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import persons, second_factors
from nestegg_core.errors import Conflict, DecryptionError, InvalidInput, SecondFactorRefused
from nestegg_core.people import totp
from nestegg_core.people.recovery_codes import codes_left, drop_codes, replace_codes, spend_code

_F = second_factors.c


class Proof(Protocol):
    """Checks that it is the person who asks; `OwnPassword` does."""

    def require(self, person_id: UUID, password: str, pointer: str) -> None:
        """Check the person's password, and count the tries."""
        ...

    def count(self, person_id: UUID) -> None:
        """Count a try to prove something else."""
        ...


@dataclass(frozen=True, slots=True)
class Setup:
    """A second factor that is not confirmed yet.

    Attributes:
        secret: base32, to type into an authenticator.
        uri: the same as an `otpauth` address, for a QR code.
    """

    secret: str = field(repr=False)
    uri: str = field(repr=False)


class SecondFactors:
    """Sets second factors up, checks their codes and takes them away."""

    def __init__(
        self, *, storage: Storage, rows: SealedRows, proof: Proof, clock: Callable[[], datetime]
    ) -> None:
        self._storage = storage
        self._rows = rows
        self._proof = proof
        self._clock = clock

    def state(self, person_id: UUID) -> dict[str, Any]:
        """Return whether a person's factor is on, since when, and how many recovery codes are left.

        One that is not confirmed yet is off.
        """
        with self._storage.system_transaction(write=False) as tx:
            row = _row(tx, person_id)
            left = codes_left(tx, person_id)
        since = row.confirmed_at if row else None
        return {"enabled": since is not None, "enabled_at": since, "recovery_codes_left": left}

    def begin(self, person_id: UUID, password: str) -> Setup:
        """Make a secret, in place of one that was never confirmed. It counts once it is confirmed.

        Raises:
            Conflict: a factor is on already, or the person has no password here.
            InvalidInput: the password is wrong.
            TooManyRequests: it was wrong too often.
        """
        self._proof.require(person_id, password, "/password")
        secret = totp.new_secret()
        values = {"person_id": person_id, "secret": secret, "created_at": self._clock()}
        with self._storage.system_transaction(write=True) as tx:
            tx.lock(f"second factor {person_id}")
            row = _row(tx, person_id)
            if row is not None and row.confirmed_at is not None:
                raise Conflict("second-factor-on", "There is a second factor. Remove it first.")
            tx.execute(delete(second_factors).where(_F.person_id == person_id))
            tx.execute(insert(second_factors), self._rows.seal(second_factors, values))
            account = self._account(tx, person_id)
        return Setup(secret, totp.uri_of(secret, account))

    def confirm(self, person_id: UUID, code: str) -> Sequence[str]:
        """Switch a begun factor on; returns the recovery codes, which are shown this once.

        Raises:
            Conflict: none was begun, or it is on already.
            InvalidInput: the code is wrong.
            TooManyRequests: it was wrong too often.
        """
        self._proof.count(person_id)
        now = self._clock()
        with self._storage.system_transaction(write=True) as tx:
            tx.lock(f"second factor {person_id}")
            row = _row(tx, person_id)
            if row is None or row.confirmed_at is not None:
                raise Conflict("no-second-factor-begun", "Begin a second factor first.")
            if not self._spend(tx, row, code):
                raise _wrong_code()
            tx.execute(
                update(second_factors).where(_F.person_id == person_id).values(confirmed_at=now)
            )
            return replace_codes(tx, person_id)

    def remove(self, person_id: UUID, password: str, code: str) -> None:
        """Switch a factor off.

        Args:
            code: of the authenticator, or a recovery code.

        Raises:
            Conflict: there is none.
            InvalidInput: the password or the code is wrong.
            TooManyRequests: they were wrong too often.
        """
        self._proof.require(person_id, password, "/password")
        self._proof.count(person_id)
        with self._storage.system_transaction(write=True) as tx:
            row = _row(tx, person_id)
            if row is None or row.confirmed_at is None:
                raise Conflict("no-second-factor", "There is no second factor to remove.")
            if not (self._spend(tx, row, code) or spend_code(tx, person_id, code, self._clock())):
                raise _wrong_code()
            _drop(tx, person_id)

    def prove(self, person_id: UUID, code: str) -> None:
        """Check a code of somebody who is signed in, and use it up.

        Args:
            code: of the authenticator, or a recovery code.

        Raises:
            Conflict: there is no second factor.
            InvalidInput: the code is wrong.
            TooManyRequests: it was wrong too often.
        """
        self._proof.count(person_id)
        with self._storage.system_transaction(write=True) as tx:
            row = _row(tx, person_id)
            if row is None or row.confirmed_at is None:
                raise Conflict("no-second-factor", "There is no second factor.")
            if not (self._spend(tx, row, code) or spend_code(tx, person_id, code, self._clock())):
                raise _wrong_code()

    def reset(self, person_id: UUID) -> None:
        """Take a person's factor away whatever they can prove: for the operator."""
        with self._storage.system_transaction(write=True) as tx:
            _drop(tx, person_id)

    def check(self, tx: Transaction, person_id: UUID, code: str | None) -> int | None:
        """Ask for a code where a factor is on, and use it up.

        Args:
            tx: the transaction in which the person is signed in.
            code: of the authenticator, or a recovery code.

        Returns:
            How many recovery codes are left when one was used, else `None`.

        Raises:
            SecondFactorRefused: there is no code, or it is wrong or was used before.
        """
        row = _row(tx, person_id)
        if row is None or row.confirmed_at is None:
            return None
        if code is None:
            raise SecondFactorRefused("required", "Send a code of your authenticator too.")
        if self._spend(tx, row, code):
            return None
        if spend_code(tx, person_id, code, self._clock()):
            return codes_left(tx, person_id)
        raise SecondFactorRefused("wrong", "The code is wrong, or was used before.")

    def _spend(self, tx: Transaction, row: Any, code: str) -> bool:
        """Use a code up: neither it nor an earlier one is good again (RFC 6238, 5.2)."""
        code = "".join(code.split())
        if not totp.is_code(code):
            return False
        try:
            secret = self._rows.open(second_factors, row, ("secret",))["secret"]
        except DecryptionError:
            raise Conflict(
                "second-factor-damaged",
                "What is stored of the authenticator does not open. Use a recovery code, or ask "
                "whoever runs the server to take the second factor away.",
            ) from None
        step = totp.matching_step(secret, code, self._clock())
        if step is None:
            return False
        spent = tx.execute(
            update(second_factors)
            .where(_F.person_id == row.person_id, or_(_F.last_step.is_(None), _F.last_step < step))
            .values(last_step=step)
        )
        return spent.rowcount == 1

    def _account(self, tx: Transaction, person_id: UUID) -> str:
        """Return what the authenticator shall list the secret under."""
        row = tx.execute(select(persons.c.id, persons.c.email).where(persons.c.id == person_id))
        email: str | None = self._rows.show(persons, row.one(), ("email",))["email"]
        return email or str(person_id)


def _wrong_code() -> InvalidInput:
    return InvalidInput.one("/code", "wrong", "is wrong, or was used before")


def _row(tx: Transaction, person_id: UUID) -> Any:
    return tx.execute(select(second_factors).where(_F.person_id == person_id)).first()


def _drop(tx: Transaction, person_id: UUID) -> None:
    tx.execute(delete(second_factors).where(_F.person_id == person_id))
    drop_codes(tx, person_id)
