"""Rules that hold among processes and requests that come at once: leases and quotas.

A lease lets one process at a time do a long work, and outlives no crash for long. A database lock
lasts as long as its transaction, and a transaction that is open for an hour is a burden. So the
holder's name stands in a row with a time until which it counts, and the holder moves that time on.
Once it is past, another process may take over; the former holder learns of it when it next renews,
so the work must bear that two do it at once for a moment.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, insert, select, update

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.tables import leases
from nestegg_core.database.types import new_id
from nestegg_core.errors import Conflict, QuotaExceeded


@dataclass(frozen=True, slots=True)
class Lease:
    name: str
    holder: UUID
    lifetime: timedelta
    clock: Callable[[], datetime]

    def renew(self, tx: Transaction) -> None:
        """In a writing system transaction; `Conflict` once another process has taken over."""
        mine = (leases.c.name == self.name, leases.c.holder == self.holder)
        until = self.clock() + self.lifetime
        if tx.execute(update(leases).where(*mine).values(expires_at=until)).rowcount == 0:
            raise Conflict("taken-over", f"Another process has taken over the {self.name}.")


@contextmanager
def held(
    storage: Storage, name: str, lifetime: timedelta, clock: Callable[[], datetime]
) -> Iterator[Lease]:
    """Take a lease, and give it back in the end. `lifetime` is how soon after a crash another
    process may go on; `Conflict` says until when another process holds it.
    """
    lease = Lease(name, new_id(), lifetime, clock)
    with storage.system_transaction(write=True) as tx:
        _take(tx, lease)
    try:
        yield lease
    finally:
        with storage.system_transaction(write=True) as tx:
            tx.execute(delete(leases).where(leases.c.name == name, leases.c.holder == lease.holder))


def _take(tx: Transaction, lease: Lease) -> None:
    tx.lock(f"nestegg lease {lease.name}")
    now = lease.clock()
    until = tx.execute(select(leases.c.expires_at).where(leases.c.name == lease.name)).scalar()
    if until is not None and until > now:
        raise Conflict(
            "busy",
            f"Another process is at the {lease.name}. If it was killed, try again after "
            f"{until:%H:%M:%S} UTC.",
        )
    tx.execute(delete(leases).where(leases.c.name == lease.name))
    values = {"name": lease.name, "holder": lease.holder, "expires_at": now + lease.lifetime}
    tx.execute(insert(leases), values)


@dataclass(frozen=True, slots=True)
class Quota:
    """A number that the operator has set in the variable `setting`, which the error names."""

    setting: str
    limit: int

    def require(self, tx: Transaction, owner: UUID, count: Select[Any]) -> None:
        """Refuse one more (`QuotaExceeded`); until the transaction ends nobody else adds one to the
        same owner, an organization or a user.
        """
        tx.lock(f"{self.setting} {owner}")
        if int(tx.execute(count).scalar_one()) >= self.limit:
            raise QuotaExceeded(self.setting, self.limit)
