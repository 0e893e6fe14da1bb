"""The run: what the policies let expire goes, organization by organization, batch by batch."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import delete, insert, select

from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.contracts.storage import Storage
from nestegg_core.database.tables import clock_marks, organizations
from nestegg_core.errors import Conflict, NestEggError, NotFound, PluginFault
from nestegg_core.retention.batches import MAX_BATCH, Batches
from nestegg_core.retention.cleanup import Cleaning
from nestegg_core.retention.plan import Plan, Policies, plan
from nestegg_core.retention.receipts import (
    AccountCount,
    Counts,
    OrganizationCount,
    Receipt,
    count_expired,
)

DRIFT = timedelta(days=1)
"""By how much the clocks of two machines may differ here."""

JUMP = timedelta(days=2)
"""How long ago the last run may be: a day, and the one that the daily run is apart."""

_MARK = "retention"
_FIX = "If this machine's clock is right: nestegg retention run --live --accept-clock"
_log = structlog.get_logger("nestegg.retention")


@dataclass(frozen=True, slots=True)
class ClockCheck:
    """Refuses a run by a clock that others do not agree with.

    Attributes:
        storage: keeps the moment of the last run.
        clock: the present moment, by this machine.
        database_clock: the present moment by the database; `None` where it has no other clock.
    """

    storage: Storage
    clock: Callable[[], datetime]
    database_clock: Callable[[], datetime | None]

    def __call__(self, *, accept: bool = False) -> None:
        """Compare, and remember this moment for the next run.

        Args:
            accept: take this machine's clock for right, whatever the others say.

        Raises:
            Conflict: they differ by more than a day.
        """
        now = self.clock()
        if not accept:
            self._compare(now)
        with self.storage.system_transaction(write=True) as tx:
            tx.lock("nestegg clock marks")
            tx.execute(delete(clock_marks).where(clock_marks.c.name == _MARK))
            tx.execute(insert(clock_marks), {"name": _MARK, "seen_at": now})

    def _compare(self, now: datetime) -> None:
        theirs = self.database_clock()
        if theirs is not None and abs(now - theirs) > DRIFT:
            raise _refused(f"the database's clock says {_day(theirs)}", now)
        with self.storage.system_transaction(write=False) as tx:
            mark = select(clock_marks.c.seen_at).where(clock_marks.c.name == _MARK)
            last = tx.execute(mark).scalar()
        if last is not None and (now - last > JUMP or last - now > DRIFT):
            raise _refused(f"the last run was on {_day(last)}", now)


def _refused(what: str, now: datetime) -> Conflict:
    reason = f"Nothing was deleted: this machine's clock says {_day(now)}, and {what}. {_FIX}"
    _log.error("Data retention does not believe the clock", why=reason)
    return Conflict("clock", reason)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _believe(*, accept: bool) -> None:
    """Take the clock for right."""
    del accept


class Retention:
    """Deletes what has had its time, or tells what it would delete.

    Two runs at once do no harm: each batch takes its account's lock, and looks again at what is
    there. A run that was cut short is taken up by the next.

    Args:
        storage: where the rows are.
        policies: those in force, by name.
        cleaning: deletes what expires by itself.
        clock: the present moment, in UTC.
        check_clock: refuses a live run by a clock that is not to be believed.
        max_batch: rows of one transaction, at most.
    """

    def __init__(
        self,
        *,
        storage: Storage,
        policies: Policies,
        cleaning: Cleaning,
        clock: Callable[[], datetime],
        check_clock: Callable[..., None] = _believe,
        max_batch: int = MAX_BATCH,
    ) -> None:
        self._storage = storage
        self._policies = policies
        self._cleaning = cleaning
        self._clock = clock
        self._check_clock = check_clock
        self._max_batch = max_batch

    def preview(self, org_id: UUID | None = None) -> Counts:
        """Count what a live run would delete today, and change nothing.

        Args:
            org_id: only this organization; `None` for all.

        Raises:
            NotFound: there is no such organization.
        """
        counts = Counts(self._clock().date(), live=False)
        for made in self._plans(counts, org_id):
            counts.organizations.append(self._count(made))
        return counts

    def run(
        self,
        *,
        live: bool,
        started_by: str,
        org_id: UUID | None = None,
        accept_clock: bool = False,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> Counts:
        """Delete what has had its time, or only log what would be deleted.

        Args:
            live: whether rows are deleted; else this is a dry run.
            started_by: who or what started it, for the receipts.
            org_id: only this organization; `None` for all.
            accept_clock: take this machine's clock for right, whatever others say.
            on_progress: told after each batch how many transactions it has deleted.

        Returns:
            what was counted, or deleted. What could not be done stands in `failures`: an
            organization whose policies failed is left alone, and the others have their turn.

        Raises:
            Conflict: others do not agree with this machine's clock; nothing was deleted.
            NotFound: there is no such organization.
        """
        if live:
            self._check_clock(accept=accept_clock)
        counts = Counts(self._clock().date(), live=live)
        for made in self._plans(counts, org_id):
            if live:
                receipt = Receipt(counts.day, started_by, self._clock())
                batches = Batches(self._storage, receipt, self._clock, self._max_batch)
                count = batches.purge(made, on_progress)
                counts.failures.extend((made.org_id, error) for error in batches.failures)
            else:
                count = self._count(made)
            counts.organizations.append(count)
            _tell(count, live=live)
        return counts

    def clean(self, org_id: UUID | None = None) -> Mapping[str, int]:
        """Delete what has expired by itself, such as sessions.

        Args:
            org_id: only what belongs to this organization; `None` for everything.

        Returns:
            how many rows went, by table.

        Raises:
            NotFound: there is no such organization.
        """
        now = self._clock()
        cleaned = Counter(self._cleaning.system(now) if org_id is None else {})
        for one in self.organizations(org_id):
            cleaned.update(self._cleaning.organization(one, now))
        _log.info("Cleaned what had expired", **cleaned)
        return cleaned

    def _plans(self, counts: Counts, org_id: UUID | None) -> Iterator[Plan]:
        """Ask the policies, organization by organization; a failure is noted in the counts."""
        for one in self.organizations(org_id):
            try:
                made = plan(self._policies, one, counts.day)
            except PluginFault as fault:
                counts.failures.append((one, fault))
                _log.error(
                    "Data retention left an organization alone", org=str(one), why=str(fault)
                )
            else:
                yield made

    def _count(self, made: Plan) -> OrganizationCount:
        accounts: Sequence[AccountCount] = ()
        if made.days:
            with self._storage.transaction(made.org_id, write=False) as tx:
                accounts = count_expired(tx, made)
        return OrganizationCount(made.org_id, made.days, made.reasons, accounts)

    def organizations(self, org_id: UUID | None = None) -> Sequence[UUID]:
        """Return the organizations to look at: all, or the one that is asked for.

        Raises:
            NotFound: there is no such organization.
        """
        ids = organizations.c.id
        with self._storage.system_transaction(write=False) as tx:
            found = list(tx.execute(select(ids).order_by(ids)).scalars())
        if org_id is None:
            return found
        if org_id not in found:
            raise NotFound("There is no such organization.")
        return [org_id]


def _tell(count: OrganizationCount, *, live: bool) -> None:
    for reason in count.reasons:
        _log.info("Data retention holds an organization", org=str(count.org_id), why=reason)
    for day, number in count.by_day():
        if live:
            line = f"Data retention: org={count.org_id} deleted"
        else:
            line = f"Data retention DRY RUN: org={count.org_id} would delete"
        _log.info(f"{line} {number} transactions older than {day.isoformat()}")


DAILY = "30 3 * * *"
"""03:30 UTC."""


def _tell_nobody(_counts: Counts, _cleaned: Mapping[str, int]) -> None:
    """Measure nothing."""


def retention_job(
    retention: Retention,
    *,
    dry_run: bool,
    asked_by: Callable[[], str],
    tell: Callable[[Counts, Mapping[str, int]], None] = _tell_nobody,
) -> JobRegistration:
    """Return the job that purges and cleans.

    Running it twice, or at the same time as another, does no more than running it once.

    Args:
        retention: what it runs.
        dry_run: whether the purge only tells what it would do. Cleaning is done either way.
        asked_by: tells who asked for the job that is being run, for the receipts.
        tell: is told what the purge came to, and how many rows were cleaned, by table.
    """

    def run(_: Mapping[str, Any]) -> None:
        counts = retention.run(live=not dry_run, started_by=asked_by())
        tell(counts, retention.clean())
        if counts.failures:
            raise NestEggError("; ".join(f"org={org}: {error}" for org, error in counts.failures))

    return JobRegistration("retention", run, schedule=DAILY)
