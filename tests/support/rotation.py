"""Processes with other keys over one database, and the notes that they write there."""

import base64
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import insert, select, update

from nestegg_core import (
    DecryptionError,
    EncryptionBackendRegistration,
    hookimpl,
)
from nestegg_core.application import Runtime, utc_now
from nestegg_core.builtins import NoSettings
from nestegg_core.contracts.context import Clock
from nestegg_core.contracts.storage import Storage
from nestegg_core.database import in_org
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import accounts, memberships, organizations, transactions, users
from nestegg_core.database.types import new_id
from nestegg_core.encryption.usage import Count, census

KEYS = {n: base64.urlsafe_b64encode(bytes([n]) * 32).decode() for n in range(1, 7)}
"""A key for each version."""

MARK = "wombat"
"""Stands in every clear text: a dump is searched for it."""

Process = Callable[..., Runtime]
"""Starts a process: see the fixture `process`."""

Place = tuple[UUID, UUID]
"""Organization and transaction of a note."""


def keys(current: int, *others: int) -> dict[str, str]:
    """Return the variables of a process: its current version, and those that it only reads."""
    return {
        "MASTER_ENCRYPTION_KEY": KEYS[current],
        "ENCRYPTION_CURRENT_VERSION": str(current),
        **{f"ENCRYPTION_KEY_V{n}": KEYS[n] for n in others},
    }


class Aead:
    """AES-256-GCM with the context as associated data."""

    def encrypt(self, plaintext: bytes, *, key: bytes, context: bytes) -> bytes:
        nonce = new_id().bytes[:12]
        return base64.urlsafe_b64encode(nonce + AESGCM(key).encrypt(nonce, plaintext, context))

    def decrypt(self, payload: bytes, *, key: bytes, context: bytes) -> bytes:
        try:
            raw = base64.urlsafe_b64decode(payload)
            return AESGCM(key).decrypt(raw[:12], raw[12:], context)
        except (InvalidTag, ValueError):
            raise DecryptionError("does not open") from None


class Forgetful(Aead):
    """Writes, and cannot read what it has written: some values, or none of them.

    Args:
        longest: bytes of a value that still comes back.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest

    def decrypt(self, payload: bytes, *, key: bytes, context: bytes) -> bytes:
        opened = super().decrypt(payload, key=key, context=context)
        if len(opened) == self._longest:
            return opened[1:]
        if self._longest < 0:
            raise DecryptionError("does not open")
        return opened


LONG_NAME = "aws-kms_2" + "x" * 23
"""The longest name, with every character that a name may have."""


class AeadPlugin:
    """A plugin that brings the backend `aesgcm`, the same with a long name, and two bad ones."""

    @hookimpl
    def nestegg_encryption_backends(self) -> Sequence[EncryptionBackendRegistration]:
        made = {
            "aesgcm": Aead(),
            LONG_NAME: Aead(),
            "forgetful": Forgetful(-1),
            "forgets-some": Forgetful(len(f"{MARK}0042")),
        }
        return [
            EncryptionBackendRegistration(name, NoSettings, lambda _, one=backend: one)
            for name, backend in made.items()
        ]


@dataclass
class Notes:
    """Organizations with an account, and transactions whose notes are known.

    Attributes:
        texts: what each note must say; `None` where there is none.
    """

    texts: dict[Place, str | None] = field(default_factory=dict)

    def furnish(self, runtime: Runtime, organizations: int, rows: int) -> None:
        """Make organizations, their users, and transactions with a note each."""
        for _ in range(organizations):
            self._organization(runtime, rows)

    def _organization(self, runtime: Runtime, rows: int) -> None:
        now = runtime.clock()
        org_id, user_id, account_id = new_id(), new_id(), new_id()
        stamps = {"created_at": now, "updated_at": now, "version": 1}
        user = {"id": user_id, "email": f"{MARK}@example.org", "name": MARK, "is_admin": False}
        with runtime.storage.transaction(org_id, write=True) as tx:
            tx.execute(insert(users), runtime.rows.seal(users, {**user, **stamps}))
            tx.execute(insert(organizations), {"id": org_id, "name": "Home", **stamps})
            place = {"org_id": org_id, "user_id": user_id}
            tx.execute(insert(memberships), {**place, "role": "owner", **stamps})
            account = {**_ACCOUNT, "org_id": org_id, "id": account_id, **stamps}
            tx.execute(insert(accounts), runtime.rows.seal(accounts, account))
            sealed = []
            for number in range(rows):
                note = f"{MARK} {number}" if number % 7 else None
                row = {**_TRANSACTION, "org_id": org_id, "id": new_id(), "notes": note, **stamps}
                row["account_id"] = account_id
                sealed.append(runtime.rows.seal(transactions, row))
                self.texts[org_id, row["id"]] = note
            tx.execute(insert(transactions), sealed)

    def write(self, runtime: Runtime, place: Place, text: str) -> None:
        """Write a note as a process does."""
        write_note(runtime.storage, runtime.rows, place, text)
        self.texts[place] = text

    def read(self, runtime: Runtime) -> dict[Place, str | None]:
        """Return every note, as a process reads it."""
        found = {}
        for org_id in {org_id for org_id, _ in self.texts}:
            for row in stored_rows(runtime.storage, org_id):
                found[org_id, row.id] = runtime.rows.open(transactions, row, ["notes"])["notes"]
        return found


_ACCOUNT = {
    "name": "Checking",
    "type": "checking",
    "currency": "EUR",
    "opening_balance": Decimal(0),
    "balance": Decimal(0),
    "institution": "",
    "number": f"{MARK}0042",
    "number_last4": "0042",
}
_TRANSACTION = {
    "date": date(2026, 1, 5),
    "amount": Decimal("0.00"),
    "payee": "Bakery",
    "description": "",
    "search_text": "bakery",
    "status": "posted",
    "external_id": "",
}


def write_note(storage: Storage, rows: SealedRows, place: Place, text: str) -> None:
    """Seal a note and write it, in a transaction of its own."""
    org_id, row_id = place
    values = {"org_id": org_id, "id": row_id, "notes": text}
    put(storage, place, rows.seal(transactions, values)["notes"])


def put(storage: Storage, place: Place, stored: str) -> None:
    """Write a stored value past everything."""
    org_id, row_id = place
    with storage.transaction(org_id, write=True) as tx:
        tx.execute(
            update(transactions)
            .where(in_org(transactions), transactions.c.id == row_id)
            .values(notes=stored)
        )


def stored_rows(storage: Storage, org_id: UUID) -> Sequence[Any]:
    """Return an organization's transactions as they are stored."""
    with storage.transaction(org_id, write=False) as tx:
        return tx.execute(
            select(transactions).where(in_org(transactions)).order_by(transactions.c.id)
        ).all()


def stored_note(storage: Storage, place: Place) -> str:
    """Return a note as it is stored."""
    (found,) = (row.notes for row in stored_rows(storage, place[0]) if row.id == place[1])
    return str(found)


def kinds(storage: Storage) -> set[tuple[str | None, int | None]]:
    """Return the backends and versions that any stored value is under."""
    return {(count.backend, count.version) for count in census(storage)}


def rows_of(counts: Iterable[Count], column: str, version: int | None) -> int:
    """Return how many values of a column (`accounts.number`) are under a version."""
    return sum(c.rows for c in counts if (f"{c.table}.{c.column}", c.version) == (column, version))


def dump(variables: Mapping[str, str], tools: Path | None) -> bytes:
    """Return everything that a database holds.

    Args:
        tools: folder with pg_dump; needed for PostgreSQL alone.
    """
    owner = variables.get("DATABASE_ADMIN_URL")
    if owner is None:
        # Another process reads the files: to close one of them would end the locks that this
        # process has on it (POSIX), and SQLite relies on them.
        files = Path(variables["NESTEGG_HOME"]).glob("nestegg.sqlite3*")
        command = ["cat", *map(str, files)]
    else:
        assert tools
        command = [str(tools / "pg_dump"), owner]
    return subprocess.run(command, check=True, capture_output=True).stdout


def later(seconds: float) -> Clock:
    """Return a clock that is ahead."""
    return lambda: utc_now() + timedelta(seconds=seconds)
