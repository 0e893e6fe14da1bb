"""Batches of the purge: of bounded size, of bounded time, each with its line in the receipt."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

import structlog

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.errors import Conflict
from nestegg_core.retention.policy import Plan
from nestegg_core.retention.purge import START, Batch, Position, purge_batch, purge_left_over
from nestegg_core.retention.receipts import AccountCount, OrganizationCount, Receipt, accounts_of

MAX_BATCH = 5000  # rows of one transaction
SECONDS = 0.25  # that a batch should keep its account locked
_SMALLEST, _FIRST = 100, 1000
_TRIES = 5

T = TypeVar("T")

_log = structlog.get_logger("nestegg.retention")


class Pace:
    """How many rows the next batch takes, so that none holds its lock for long."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.size = min(_FIRST, most)

    def took(self, seconds: float) -> None:
        """Take fewer rows after a slow batch, and more after a quick one."""
        if seconds > SECONDS:
            self.size = max(self.size // 2, min(_SMALLEST, self._most))
        elif seconds < SECONDS / 2:
            self.size = min(self.size * 2, self._most)


@dataclass
class Batches:
    """Deletes one organization's rows; `failures` says why an account was not purged to its end."""

    storage: Storage
    receipt: Receipt
    clock: Callable[[], datetime]
    most: int
    failures: list[Conflict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._pace = Pace(self.most)

    def purge(self, plan: Plan, on_progress: Callable[[int], None]) -> OrganizationCount:
        """Delete what has had its time, account by account. `on_progress` gets each batch's number
        of deleted transactions.
        """
        accounts: Sequence[AccountCount] = ()
        if plan.days:
            with self.storage.transaction(plan.org_id, write=False) as tx:
                accounts = accounts_of(tx, plan)
        for account in accounts:
            try:
                self._purge_account(plan, account, on_progress)
                self._purge_left_over(plan.org_id, account)
            except Conflict as error:
                self.failures.append(error)
                _log.error("Data retention left an account", org=str(plan.org_id), why=str(error))
        return OrganizationCount(plan.org_id, plan.days, plan.reasons, accounts)

    def _purge_account(
        self, plan: Plan, account: AccountCount, on_progress: Callable[[int], None]
    ) -> None:
        after: Position | None = START
        while after is not None:
            begun = time.monotonic()
            step = partial(self._batch, account, plan.held, after)
            batch = self._in_transaction(plan.org_id, step)
            self._pace.took(time.monotonic() - begun)
            account.transactions += batch.count
            account.amount += batch.amount
            account.import_rows += batch.import_rows
            account.held += batch.held
            on_progress(batch.count)
            after = batch.end

    def _batch(
        self, account: AccountCount, held: frozenset[UUID], after: Position, tx: Transaction
    ) -> Batch:
        now = self.clock()
        batch = purge_batch(
            tx,
            account.account_id,
            account.cutoff.before,
            held,
            after=after,
            size=self._pace.size,
            now=now,
        )
        if batch.count:
            self.receipt.add(
                tx,
                account,
                now,
                transactions=batch.count,
                amount=batch.amount,
                import_rows=batch.import_rows,
            )
        return batch

    def _purge_left_over(self, org_id: UUID, account: AccountCount) -> None:
        count = self.most
        while count == self.most:
            count = self._in_transaction(org_id, partial(self._left_over_batch, account))
            account.import_rows += count

    def _left_over_batch(self, account: AccountCount, tx: Transaction) -> int:
        count = purge_left_over(tx, account.account_id, account.cutoff.before, size=self.most)
        if count:
            self.receipt.add(tx, account, self.clock(), import_rows=count)
        return count

    def _in_transaction(self, org_id: UUID, step: Callable[[Transaction], T]) -> T:
        """Run a step in a transaction of its own; again, when another change got in between."""
        for attempt in range(_TRIES):
            try:
                with self.storage.transaction(org_id, write=True) as tx:
                    return step(tx)
            except Conflict as error:
                if error.code != "concurrent-change" or attempt == _TRIES - 1:
                    raise
        raise AssertionError("unreachable")
