"""The indexes of emails, made anew where they stem from another rule of what is one address.

The index of former builds took letters for the same that are not (NFKC and full case folding). Who
has such an address is found under it again once this has run: with `nestegg keys rewrap`, and with
the daily job that counts keys.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Column, Select, Table, bindparam, select, update

from nestegg_core.contracts.storage import Storage
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import credentials, invitations, persons
from nestegg_core.errors import Conflict, DecryptionError
from nestegg_core.people.emails import EMAIL_INDEX, INVITED_INDEX, Emails

_BATCH = 500
_SUPERSEDED = "credentials.email of nobody"

_log = structlog.get_logger("nestegg.people")


@dataclass(frozen=True, slots=True)
class _Indexed:
    """An index that stands beside an address.

    Attributes:
        source: table with the address.
        rows: selects the source's key and address, and the index as `stored`.
        table: table with the index.
        key: of that table; the source's key has the same values.
    """

    column: str
    source: Table
    rows: Select[Any]
    table: Table
    key: Column[Any]


_INDEXES = (
    _Indexed(
        EMAIL_INDEX,
        persons,
        select(persons.c.id, persons.c.email, credentials.c.email_index.label("stored")).join(
            credentials, credentials.c.person_id == persons.c.id
        ),
        credentials,
        credentials.c.person_id,
    ),
    _Indexed(
        INVITED_INDEX,
        invitations,
        select(invitations.c.id, invitations.c.email, invitations.c.email_index.label("stored")),
        invitations,
        invitations.c.id,
    ),
)


class EmailReindexing:
    """Brings every index of an email in line with the present rule."""

    def __init__(self, storage: Storage, rows: SealedRows, emails: Emails) -> None:
        self._storage = storage
        self._rows = rows
        self._emails = emails

    def run(self) -> int:
        """Make outdated indexes anew, while everybody goes on working; returns how many.

        It can be stopped at any moment, and run again.
        """
        return sum(self._renew(one, row) for one in _INDEXES for row in self._all(one))

    def _all(self, one: _Indexed) -> Iterator[Any]:
        key = one.source.c.id
        page = one.rows.order_by(key).limit(_BATCH)
        further = page.where(key > bindparam("after", type_=key.type))
        found = self._read(page, {})
        while found:
            yield from found
            found = self._read(further, {"after": found[-1].id})

    def _read(self, page: Select[Any], parameters: dict[str, Any]) -> Sequence[Any]:
        with self._storage.system_transaction(write=False) as tx:
            return tx.execute(page, parameters).all()

    def _renew(self, one: _Indexed, row: Any) -> bool:
        try:
            email = self._rows.open(one.source, row, ("email",))["email"]
        except DecryptionError:  # `nestegg keys verify` tells of it
            return False
        index = self._emails.index_of(one.column, email)
        if row.stored in (index, self._nobodys(row)):
            return False
        try:
            return self._write(one, row, index)
        except Conflict:
            return self._supersede(one, row)

    def _supersede(self, one: _Indexed, row: Any) -> bool:
        """Keep an account whose address is another's in another spelling, out of that one's way."""
        _log.warning(
            "two accounts have one address in two spellings: the other one signs in with it",
            person_id=str(row.id),
            fix="disable one of them: nestegg user disable",
        )
        return self._write(one, row, self._nobodys(row))

    def _nobodys(self, row: Any) -> bytes:
        return self._emails.index_of(_SUPERSEDED, str(row.id))

    def _write(self, one: _Indexed, row: Any, index: bytes) -> bool:
        same = (one.key == row.id, one.table.c.email_index == row.stored)
        with self._storage.system_transaction(write=True) as tx:
            written = tx.execute(update(one.table).where(*same).values(email_index=index))
        return written.rowcount == 1
