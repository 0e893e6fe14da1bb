"""Blind index: finds a row by an encrypted value without opening any.

HMAC-SHA256 over the value, under a separate key for each column. It folds nothing: the caller says
which values are the same (`users.emails` does for addresses). The keys derive from
a random root that does not change with the data keys: rotating them must not break sign-in. The
root itself is kept in the database, sealed under the current data key.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import insert, select

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import instance_secrets
from nestegg_core.errors import NestEggError

ROOT_NAME = "blind_index_root"


@dataclass(frozen=True)
class BlindIndex:
    load_root: Callable[[], bytes]

    @cached_property  # and not at once: the database may be below head when the process starts
    def _root(self) -> bytes:
        return self.load_root()

    def load(self) -> None:
        """Load the root now, outside of any transaction. One that does not open stops nobody who
        has no use for it; a use of it raises the error.
        """
        with suppress(NestEggError):
            _ = self._root

    def of(self, column: str, value: str) -> bytes:
        """32 bytes that are equal for equal values of one column (`table.column`); the value comes
        in the one spelling that stands for all that mean the same.
        """
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=column.encode()).derive(
            self._root
        )
        return hmac.digest(key, value.encode(), hashlib.sha256)


def stored_root(storage: Storage, rows: SealedRows) -> bytes:
    """`LookupError` before the key check has made it; `DecryptionError` where it was altered, or
    its key is missing.
    """
    with storage.system_transaction(write=False) as tx:
        row = _stored(tx)
    if row is None:
        raise LookupError(
            "The database has no secret for its blind indexes yet. Check the keys once the schema "
            "is at head: runtime.check_keys()"
        )
    return bytes.fromhex(rows.open(instance_secrets, row, ["value"])["value"])


def has_root(tx: Transaction) -> bool:
    return _stored(tx) is not None


def make_root(tx: Transaction, rows: SealedRows) -> None:
    """Make the root, once, in the transaction of the key check. Not when it is first needed: that
    may be inside a transaction, where nothing else may write.
    """
    if not has_root(tx):
        values = {"name": ROOT_NAME, "value": secrets.token_bytes(32).hex()}
        tx.execute(insert(instance_secrets), rows.seal(instance_secrets, values))


def _stored(tx: Transaction) -> Any:
    return tx.execute(select(instance_secrets).where(instance_secrets.c.name == ROOT_NAME)).first()
