"""Email addresses: which spellings are one, which can get mail, and whose one is.

Two spellings are one address when mail to them goes to one mailbox, and nothing else folds: `ß` is
not `ss`, neither before the @ nor behind it (CVE-2019-19844 was such a fold in Django).
"""

import re
import string
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import idna
import structlog
from sqlalchemy import Column, Select, Table, bindparam, select, update

from nestegg_core.contracts.storage import Storage
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import credentials, invitations, users
from nestegg_core.encryption.blind_index import BlindIndex
from nestegg_core.errors import Conflict, DecryptionError

EMAIL_INDEX = "credentials.email"
INVITED_INDEX = "invitations.email"

MAX_LENGTH = 254
"""RFC 5321, 4.5.3.1.3, without the angle brackets."""

_MAX_LOCAL = 64
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
# The letters that NFC makes ASCII ones of are left as they are: look-alikes are no spellings.
_COMPOSED = re.compile("[^\u037e\u1fef\u212a]+")
# Atoms with dots between (RFC 5322, 3.2.3), with letters of all scripts (RFC 6532, 3.2).
_ATOM = r'[^\s"(),.:;<>@\[\\\]]+'
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"({_LABEL}\.)+(?!\d+$){_LABEL}", re.ASCII)

_log = structlog.get_logger("nestegg.users")


def canonical(address: str) -> str:
    """Return the one spelling that stands for all spellings of an address.

    Letters of ASCII fold, and no others; the domain is written as DNS has it, in A-labels
    (IDNA2008, mapped by UTS #46 as mail servers do). What is no address only equals itself.

    Example:
        >>> canonical(" Ada@Example.ORG"), canonical("ada@Stra\xdfe.example")
        ('ada@example.org', 'ada@xn--strae-oqa.example')
    """
    local, at, domain = address.strip().rpartition("@")
    local = _COMPOSED.sub(lambda part: unicodedata.normalize("NFC", part[0]), local)
    return local.translate(_LOWER) + at + (_a_labels(domain) or domain.translate(_LOWER))


def can_get_mail(address: str) -> bool:
    """Tell whether an address has the form of one that mail can be sent to.

    Example:
        >>> can_get_mail("ada@example.org"), can_get_mail('"a,b"@example.org')
        (True, False)
    """
    local, _, domain = address.rpartition("@")
    return (
        len(address) <= MAX_LENGTH
        and len(local.encode(errors="replace")) <= _MAX_LOCAL
        and _LOCAL.fullmatch(local) is not None
        and _HOST.fullmatch(_a_labels(domain)) is not None
        and all(unicodedata.category(letter) not in _UNSEEN for letter in address)
    )


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
"""Characters that no eye sees, or none can: an address with them is not the one that it seems."""


def _a_labels(domain: str) -> str:
    """Return a domain as DNS has it; empty where it is none."""
    if domain.isascii():
        return domain.translate(_LOWER)
    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
    except UnicodeError:  # of which idna's own error is one
        return ""


@dataclass(frozen=True, slots=True)
class Emails:
    """Finds whose an address is.

    The index leads to a row, and the address in that row decides: an index may be from before the
    present rule of what is one address.
    """

    index: BlindIndex
    rows: SealedRows

    def index_of(self, column: str, address: str) -> bytes:
        return self.index.of(column, canonical(address))

    def is_of(self, table: Table, row: Any, address: str) -> bool:
        try:
            own = self.rows.open(table, row, ("email",))["email"]
        except DecryptionError as error:
            _log.error("an address does not open, so nobody comes in by it", error=str(error))
            return False
        return own is not None and canonical(own) == canonical(address)


_BATCH = 500
_SUPERSEDED = "credentials.email of nobody"


@dataclass(frozen=True, slots=True)
class _Indexed:
    column: str
    source: Table
    rows: Select[Any]
    table: Table
    key: Column[Any]


_INDEXES = (
    _Indexed(
        EMAIL_INDEX,
        users,
        select(users.c.id, users.c.email, credentials.c.email_index.label("stored")).join(
            credentials, credentials.c.user_id == users.c.id
        ),
        credentials,
        credentials.c.user_id,
    ),
    _Indexed(
        INVITED_INDEX,
        invitations,
        select(invitations.c.id, invitations.c.email, invitations.c.email_index.label("stored")),
        invitations,
        invitations.c.id,
    ),
)


@dataclass(frozen=True, slots=True)
class EmailReindexing:
    storage: Storage
    rows: SealedRows
    emails: Emails

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
        with self.storage.system_transaction(write=False) as tx:
            return tx.execute(page, parameters).all()

    def _renew(self, one: _Indexed, row: Any) -> bool:
        try:
            email = self.rows.open(one.source, row, ("email",))["email"]
        except DecryptionError:  # `nestegg keys verify` tells of it
            return False
        index = self.emails.index_of(one.column, email)
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
            user_id=str(row.id),
            fix="disable one of them: nestegg user disable",
        )
        return self._write(one, row, self._nobodys(row))

    def _nobodys(self, row: Any) -> bytes:
        return self.emails.index_of(_SUPERSEDED, str(row.id))

    def _write(self, one: _Indexed, row: Any, index: bytes) -> bool:
        same = (one.key == row.id, one.table.c.email_index == row.stored)
        with self.storage.system_transaction(write=True) as tx:
            written = tx.execute(update(one.table).where(*same).values(email_index=index))
        return written.rowcount == 1
