"""Recovery codes: each signs in once in place of a code of the lost authenticator."""

import secrets
from base64 import b32encode
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.tables import recovery_codes

COUNT = 10
_BYTES = 10
"""80 bits: too many to guess, so that no slow hash is needed."""

_GROUP = 4
_R = recovery_codes.c


def replace_codes(tx: Transaction, person_id: UUID) -> Sequence[str]:
    """Give a person new codes in place of all others; they are shown once and stored as hashes."""
    drop_codes(tx, person_id)
    codes = [_new() for _ in range(COUNT)]
    for code in codes:
        tx.execute(
            insert(recovery_codes), {"person_id": person_id, "code_hash": _hash(person_id, code)}
        )
    return codes


def spend_code(tx: Transaction, person_id: UUID, code: str, now: datetime) -> bool:
    """Use up a code; false when it is none of the person's, or was used before."""
    spent = tx.execute(
        update(recovery_codes)
        .where(
            _R.person_id == person_id,
            _R.code_hash == _hash(person_id, code),
            _R.used_at.is_(None),
        )
        .values(used_at=now)
    )
    return spent.rowcount == 1


def codes_left(tx: Transaction, person_id: UUID) -> int:
    """Return how many codes of a person were not used yet."""
    left: int = tx.execute(
        select(func.count()).where(_R.person_id == person_id, _R.used_at.is_(None))
    ).scalar_one()
    return left


def drop_codes(tx: Transaction, person_id: UUID) -> None:
    """Delete all codes of a person."""
    tx.execute(delete(recovery_codes).where(_R.person_id == person_id))


def _new() -> str:
    letters = b32encode(secrets.token_bytes(_BYTES)).decode()
    return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


def _hash(person_id: UUID, code: str) -> bytes:
    """Hash a code without regard to how it was typed: its case, spaces and dashes."""
    letters = "".join(code.split()).replace("-", "").upper()
    return sha256(person_id.bytes + letters.encode()).digest()
