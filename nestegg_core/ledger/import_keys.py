"""Which rows of a statement are new: by multiset per account, never by a unique hash.

Two equal coffees on one day are two transactions. So N equal rows of a file, of which the
account holds M already, are M duplicates and N - M new rows.
"""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from uuid import UUID

from sqlalchemy import bindparam, func, select

from nestegg_core.contracts.importers import StatementRow
from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.tables import in_org, transactions

NEW, DUPLICATE, ERROR = "new", "duplicate", "error"

_CHUNK = 500

_STORED = (
    select(transactions.c.import_key, func.count().label("count"))
    .where(
        in_org(transactions),
        transactions.c.account_id == bindparam("account_id"),
        transactions.c.import_key.in_(bindparam("keys", expanding=True)),
    )
    .group_by(transactions.c.import_key)
)


def import_key(row: StatementRow) -> bytes:
    """32 bytes, equal for rows whose values in the file are equal. They come from the file's own
    values and never change: editing a transaction does not make its row new again.
    """
    amount = f"{row.amount:.4f}" if row.amount is not None else ""
    values = [str(row.date), amount, row.payee, row.description, row.external_id]
    return sha256(json.dumps(values, ensure_ascii=False).encode()).digest()


def classify(
    tx: Transaction,
    account_id: UUID,
    first_day: date | None,
    rows: Sequence[tuple[bytes | None, date | None]],
) -> list[str]:
    """Say for each row, given by key and day, whether it is new, a duplicate or an error. The key
    is `None` for a row that could not be read; rows before `first_day` are errors. The account is
    locked when the answer is to be acted upon.
    """
    stored = _stored(tx, account_id, {key for key, _ in rows if key is not None})
    statuses = []
    for key, day in rows:
        if key is None or (first_day is not None and day is not None and day < first_day):
            statuses.append(ERROR)
        elif stored[key] > 0:
            stored[key] -= 1
            statuses.append(DUPLICATE)
        else:
            statuses.append(NEW)
    return statuses


def _stored(tx: Transaction, account_id: UUID, keys: set[bytes]) -> Counter[bytes]:
    counts: Counter[bytes] = Counter()
    wanted = sorted(keys)
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        for row in tx.execute(_STORED, {"account_id": account_id, "keys": chunk}):
            counts[bytes(row.import_key)] = row._mapping["count"]
    return counts
