"""Time-based one-time passwords (RFC 6238), with the parameters that every authenticator knows."""

import secrets
from base64 import b32decode, b32encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import delete, func, insert, or_, select, update

from nestegg_core.auth.builtin.password_change import PasswordChange
from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import recovery_codes, second_factors, users
from nestegg_core.errors import Conflict, DecryptionError, InvalidInput, SecondFactorRefused

DIGITS = 6
STEP_SECONDS = 30
ISSUER = "Nest Egg"

_SECRET_BYTES = 20
"""RFC 4226, 4: the length that is recommended."""

_DRIFT = 1
"""Steps by which clocks may differ, to either side (RFC 6238, 5.2)."""

_HASH = SHA1()  # noqa: S303 - HMAC does not need it to resist collisions (RFC 4226, B.2)


def new_secret() -> str:
    return b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def uri_of(secret: str, account: str) -> str:
    """Return the `otpauth` address that authenticators read from a QR code."""
    totp = TOTP(b32decode(secret), DIGITS, _HASH, STEP_SECONDS)
    # Authenticators decode it as a URI and not as a form: a + would stay a +.
    return totp.get_provisioning_uri(account, ISSUER).replace("+", "%20")


def is_code(text: str) -> bool:
    return len(text) == DIGITS and text.isascii() and text.isdigit()


def step_of(now: datetime) -> int:
    return int(now.timestamp()) // STEP_SECONDS


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """Return the step whose code it is, the latest if there are several; `None` for a wrong code.

    Every step is compared, in constant time, so that how long it takes tells nothing.
    """
    hotp = HOTP(b32decode(secret), DIGITS, _HASH)
    present = step_of(now)
    steps = range(max(0, present - _DRIFT), present + _DRIFT + 1)
    given = code.encode()
    matches = [step for step in steps if bytes_eq(hotp.generate(step), given)]
    return max(matches, default=None)


COUNT = 10
_BYTES = 10
"""80 bits: too many to guess, so that no slow hash is needed."""

_GROUP = 4
_R = recovery_codes.c


def replace_codes(tx: Transaction, user_id: UUID) -> Sequence[str]:
    """Give a user new codes in place of all others; they are shown once and stored as hashes."""
    drop_codes(tx, user_id)
    codes = [_new() for _ in range(COUNT)]
    for code in codes:
        tx.execute(insert(recovery_codes), {"user_id": user_id, "code_hash": _hash(user_id, code)})
    return codes


def consume_code(tx: Transaction, user_id: UUID, code: str, now: datetime) -> bool:
    """Use up a code; false when it is none of the user's, or was used before."""
    spent = tx.execute(
        update(recovery_codes)
        .where(
            _R.user_id == user_id,
            _R.code_hash == _hash(user_id, code),
            _R.used_at.is_(None),
        )
        .values(used_at=now)
    )
    return spent.rowcount == 1


def codes_left(tx: Transaction, user_id: UUID) -> int:
    left: int = tx.execute(
        select(func.count()).where(_R.user_id == user_id, _R.used_at.is_(None))
    ).scalar_one()
    return left


def drop_codes(tx: Transaction, user_id: UUID) -> None:
    tx.execute(delete(recovery_codes).where(_R.user_id == user_id))


def _new() -> str:
    letters = b32encode(secrets.token_bytes(_BYTES)).decode()
    return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


def _hash(user_id: UUID, code: str) -> bytes:
    """Hash a code without regard to how it was typed: its case, spaces and dashes."""
    letters = "".join(code.split()).replace("-", "").upper()
    return sha256(user_id.bytes + letters.encode()).digest()


_F = second_factors.c


@dataclass(frozen=True, slots=True)
class Setup:
    """A second factor that is not confirmed yet."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SecondFactors:
    storage: Storage
    rows: SealedRows
    proof: PasswordChange
    clock: Callable[[], datetime]

    def state(self, user_id: UUID) -> dict[str, Any]:
        """Return whether a user's factor is on, since when, and how many recovery codes are left.

        One that is not confirmed yet is off.
        """
        with self.storage.system_transaction(write=False) as tx:
            row = _row(tx, user_id)
            left = codes_left(tx, user_id)
        since = row.confirmed_at if row else None
        return {"enabled": since is not None, "enabled_at": since, "recovery_codes_left": left}

    def begin(self, user_id: UUID, password: str) -> Setup:
        """Make a secret, which counts once it is confirmed, in place of one that never was."""
        self.proof.require(user_id, password, "/password")
        secret = new_secret()
        values = {"user_id": user_id, "secret": secret, "created_at": self.clock()}
        with self.storage.system_transaction(write=True) as tx:
            tx.lock(f"second factor {user_id}")
            row = _row(tx, user_id)
            if row is not None and row.confirmed_at is not None:
                raise Conflict("second-factor-on", "There is a second factor. Remove it first.")
            tx.execute(delete(second_factors).where(_F.user_id == user_id))
            tx.execute(insert(second_factors), self.rows.seal(second_factors, values))
            account = self._account(tx, user_id)
        return Setup(secret, uri_of(secret, account))

    def confirm(self, user_id: UUID, code: str) -> Sequence[str]:
        """Switch a begun factor on; returns the recovery codes, which are shown this once."""
        self.proof.count(user_id)
        now = self.clock()
        with self.storage.system_transaction(write=True) as tx:
            tx.lock(f"second factor {user_id}")
            row = _row(tx, user_id)
            if row is None or row.confirmed_at is not None:
                raise Conflict("no-second-factor-begun", "Begin a second factor first.")
            if not self._consume(tx, row, code):
                raise _wrong_code()
            tx.execute(update(second_factors).where(_F.user_id == user_id).values(confirmed_at=now))
            return replace_codes(tx, user_id)

    def remove(self, user_id: UUID, password: str, code: str) -> None:
        self.proof.require(user_id, password, "/password")
        self.proof.count(user_id)
        with self.storage.system_transaction(write=True) as tx:
            row = _row(tx, user_id)
            if row is None or row.confirmed_at is None:
                raise Conflict("no-second-factor", "There is no second factor to remove.")
            if not (self._consume(tx, row, code) or consume_code(tx, user_id, code, self.clock())):
                raise _wrong_code()
            _drop(tx, user_id)

    def verify(self, user_id: UUID, code: str) -> None:
        self.proof.count(user_id)
        with self.storage.system_transaction(write=True) as tx:
            row = _row(tx, user_id)
            if row is None or row.confirmed_at is None:
                raise Conflict("no-second-factor", "There is no second factor.")
            if not (self._consume(tx, row, code) or consume_code(tx, user_id, code, self.clock())):
                raise _wrong_code()

    def reset(self, user_id: UUID) -> None:
        """Take a user's factor away whatever they can verify: for the operator."""
        with self.storage.system_transaction(write=True) as tx:
            _drop(tx, user_id)

    def check(self, tx: Transaction, user_id: UUID, code: str | None) -> int | None:
        row = _row(tx, user_id)
        if row is None or row.confirmed_at is None:
            return None
        if code is None:
            raise SecondFactorRefused("required", "Send a code of your authenticator too.")
        if self._consume(tx, row, code):
            return None
        if consume_code(tx, user_id, code, self.clock()):
            return codes_left(tx, user_id)
        raise SecondFactorRefused("wrong", "The code is wrong, or was used before.")

    def _consume(self, tx: Transaction, row: Any, code: str) -> bool:
        """Use a code up: neither it nor an earlier one is good again (RFC 6238, 5.2)."""
        code = "".join(code.split())
        if not is_code(code):
            return False
        try:
            secret = self.rows.open(second_factors, row, ("secret",))["secret"]
        except DecryptionError:
            raise Conflict(
                "second-factor-damaged",
                "What is stored of the authenticator does not open. Use a recovery code, or ask "
                "whoever runs the server to take the second factor away.",
            ) from None
        step = matching_step(secret, code, self.clock())
        if step is None:
            return False
        spent = tx.execute(
            update(second_factors)
            .where(_F.user_id == row.user_id, or_(_F.last_step.is_(None), _F.last_step < step))
            .values(last_step=step)
        )
        return spent.rowcount == 1

    def _account(self, tx: Transaction, user_id: UUID) -> str:
        row = tx.execute(select(users.c.id, users.c.email).where(users.c.id == user_id))
        email: str | None = self.rows.show(users, row.one(), ("email",))["email"]
        return email or str(user_id)


def _wrong_code() -> InvalidInput:
    return InvalidInput.one("/code", "wrong", "is wrong, or was used before")


def _row(tx: Transaction, user_id: UUID) -> Any:
    return tx.execute(select(second_factors).where(_F.user_id == user_id)).first()


def _drop(tx: Transaction, user_id: UUID) -> None:
    tx.execute(delete(second_factors).where(_F.user_id == user_id))
    drop_codes(tx, user_id)
