"""Blind index: finds a row by an encrypted value without opening any.

HMAC-SHA256 over the normalised value, under a key of each column's own. Those keys derive from
a random root that does not change with the data keys: rotating them must not break sign-in. The
root itself is kept in the database, sealed under the current data key.
"""

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Callable
from functools import cached_property

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import insert, select

from nestegg_core.contracts.storage import Storage
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import instance_secrets
from nestegg_core.errors import Conflict

ROOT_NAME = "blind_index_root"


class BlindIndex:
    """Computes the index of a value.

    Example:
        >>> index = BlindIndex(lambda: bytes(32))
        >>> index.of("credentials.email", "Ada@Example.org ") == index.of(
        ...     "credentials.email", "ada@example.org")
        True
    """

    def __init__(self, load_root: Callable[[], bytes]) -> None:
        self._load_root = load_root

    @cached_property
    def _root(self) -> bytes:
        """Loaded at first use: the database may still be below head when the process starts."""
        return self._load_root()

    def of(self, column: str, value: str) -> bytes:
        """Return 32 bytes that are equal for values that mean the same.

        Args:
            column: `table.column`, which keeps two columns' indexes apart.
            value: compared after NFKC, trimming and case folding.
        """
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=column.encode()).derive(
            self._root
        )
        normal = unicodedata.normalize("NFKC", value).strip().casefold()
        return hmac.digest(key, normal.encode(), hashlib.sha256)


def stored_root(storage: Storage, rows: SealedRows) -> bytes:
    """Return the root from the database; the first caller makes it."""
    return _read_root(storage, rows) or _make_root(storage, rows)


def _read_root(storage: Storage, rows: SealedRows) -> bytes | None:
    with storage.system_transaction(write=False) as tx:
        row = tx.execute(
            select(instance_secrets).where(instance_secrets.c.name == ROOT_NAME)
        ).first()
    if row is None:
        return None
    return bytes.fromhex(rows.open(instance_secrets, row, ["value"])["value"])


def _make_root(storage: Storage, rows: SealedRows) -> bytes:
    root = secrets.token_bytes(32)
    values = rows.seal(instance_secrets, {"name": ROOT_NAME, "value": root.hex()})
    try:
        with storage.system_transaction(write=True) as tx:
            tx.execute(insert(instance_secrets), values)
    except Conflict:  # another process was first: its root is the one
        return stored_root(storage, rows)
    return root
