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
from nestegg_core.database.tables import clock_marks, organization_ids
from nestegg_core.errors import Conflict, NestEggError, NotFound, PluginFault
from nestegg_core.retention.batches import MAX_BATCH, Batches
from nestegg_core.retention.cleanup import Cleaning
from nestegg_core.retention.policy import Plan, Policies, make_plan
from nestegg_core.retention.receipts import (
    AccountCount,
    Counts,
    OrganizationCount,
    Receipt,
    count_expired,
)

# A machine whose clock is a year ahead finds that nearly everything has had its time. Two others
# are asked: the database's clock, and the moment of the run before, a day ago.
DRIFT = timedelta(days=1)  # between the clocks of two machines
JUMP = timedelta(days=2)  # since the last run: a day, and the drift
_MARK = "retention"
_FIX = "If this machine's clock is right: nestegg retention run --live --accept-clock"
_log = structlog.get_logger("nestegg.retention")


@dataclass(frozen=True, slots=True)
class ClockCheck:
    """Refuses a run by a clock that others do not agree with. `database_clock` answers `None` where
    the database has no other clock.
    """

    storage: Storage
    clock: Callable[[], datetime]
    database_clock: Callable[[], datetime | None]

    def __call__(self, *, accept: bool = False) -> None:
        """Compare, unless this machine's clock is to be accepted, and remember this moment for the
        next run. Raises `Conflict` when they differ by more than a day.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Deletes what has had its time, or reports what it would delete. Two runs at once do no harm:
    each batch takes its account's lock, and looks again at what is there. A run that was cut short
    is taken up by the next.
    """

    storage: Storage
    policies: Policies
    cleaning: Cleaning
    clock: Callable[[], datetime]
    check_clock: Callable[..., None] = lambda *, accept: None  # noqa: ARG005
    max_batch: int = MAX_BATCH

    def preview(self, org_id: UUID | None = None) -> Counts:
        """Count what a live run would delete today, and change nothing."""
        counts = Counts(self.clock().date(), live=False)
        for plan in self._plans(counts, org_id):
            counts.organizations.append(self._count(plan))
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
        """Delete what has had its time, or, in a dry run, only log what would be deleted. What
        could not be done stands in `failures`: an organization whose policies failed is left alone,
        and the others have their turn. `on_progress` gets each batch's number of deleted
        transactions.
        """
        if live:
            self.check_clock(accept=accept_clock)
        counts = Counts(self.clock().date(), live=live)
        for plan in self._plans(counts, org_id):
            if live:
                receipt = Receipt(counts.day, started_by, self.clock())
                batches = Batches(self.storage, receipt, self.clock, self.max_batch)
                count = batches.purge(plan, on_progress)
                counts.failures.extend((plan.org_id, error) for error in batches.failures)
            else:
                count = self._count(plan)
            counts.organizations.append(count)
            _log_count(count, live=live)
        return counts

    def clean(self, org_id: UUID | None = None) -> Mapping[str, int]:
        """Delete what has expired by itself, such as sessions; returns how many rows went, by
        table. With `org_id`, only what belongs to that organization.
        """
        now = self.clock()
        cleaned = Counter(self.cleaning.system(now) if org_id is None else {})
        for org in self.organizations(org_id):
            cleaned.update(self.cleaning.organization(org, now))
        _log.info("Cleaned what had expired", **cleaned)
        return cleaned

    def _plans(self, counts: Counts, org_id: UUID | None) -> Iterator[Plan]:
        """Ask the policies, organization by organization; a failure is noted in the counts."""
        for org in self.organizations(org_id):
            try:
                yield make_plan(self.policies, org, counts.day)
            except PluginFault as fault:
                counts.failures.append((org, fault))
                _log.error(
                    "Data retention left an organization alone", org=str(org), why=str(fault)
                )

    def _count(self, plan: Plan) -> OrganizationCount:
        accounts: Sequence[AccountCount] = ()
        if plan.days:
            with self.storage.transaction(plan.org_id, write=False) as tx:
                accounts = count_expired(tx, plan)
        return OrganizationCount(plan.org_id, plan.days, plan.reasons, accounts)

    def organizations(self, org_id: UUID | None = None) -> Sequence[UUID]:
        """All, or the one that is asked for; `NotFound` when there is no such organization."""
        org_ids = organization_ids(self.storage)
        if org_id is None:
            return org_ids
        if org_id not in org_ids:
            raise NotFound("There is no such organization.")
        return [org_id]


def _log_count(count: OrganizationCount, *, live: bool) -> None:
    for reason in count.reasons:
        _log.info("Data retention holds an organization", org=str(count.org_id), why=reason)
    for day, number in count.by_day():
        if live:
            line = f"Data retention: org={count.org_id} deleted"
        else:
            line = f"Data retention DRY RUN: org={count.org_id} would delete"
        _log.info(f"{line} {number} transactions older than {day.isoformat()}")


DAILY = "30 3 * * *"  # UTC


def retention_job(
    retention: Retention,
    *,
    dry_run: bool,
    asked_by: Callable[[], str],
    tell: Callable[[Counts, Mapping[str, int]], None] = lambda _counts, _cleaned: None,
) -> JobRegistration:
    """The job that purges and cleans; in a dry run the purge only reports. Running it twice, or at
    the same time as another, does no more than running it once. `asked_by` says who asked for it,
    for the receipts; `tell` gets the purge's counts and the cleaned rows by table.
    """

    def run(_: Mapping[str, Any]) -> None:
        counts = retention.run(live=not dry_run, started_by=asked_by())
        tell(counts, retention.clean())
        if counts.failures:
            raise NestEggError("; ".join(f"org={org}: {error}" for org, error in counts.failures))

    return JobRegistration("retention", run, schedule=DAILY)
