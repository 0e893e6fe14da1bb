"""Every statement on the table `jobs`. A job's life is these steps, and no other:

```
accept -> queued -> claim -> running -> done
              ^                 |-----> failed   after its last try
              |--- put back ----|                a failed try, or a lost worker
```
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Update,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from nestegg_core.contracts.storage import Storage
from nestegg_core.database.paging import Page
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import jobs
from nestegg_core.errors import Conflict, NotFound
from nestegg_core.jobs.model import NO_SUCH_JOB, Policy, as_text, from_text, require_id

QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"

_J = jobs.c
_NOW: ColumnElement[Any] = bindparam("now", type_=_J.due_at.type)
_MINE = (_J.id == bindparam("job_id"), _J.lease_owner == bindparam("owner"), _J.state == RUNNING)
_FREED = {"lease_owner": None, "lease_until": None}
_LOST = (_J.state == RUNNING, _J.lease_until <= _NOW)
_SILENT = or_(_J.queued_at.is_(None), _J.queued_at < bindparam("horizon"))

CLAIM = (
    update(jobs)
    .where(
        _J.id == bindparam("job_id"),
        _J.tries < bindparam("max_tries"),
        or_(
            # A first try is not held to its moment: the asker's clock may be ahead of ours.
            and_(_J.state == QUEUED, or_(_J.tries == 0, _J.due_at <= _NOW)),
            and_(*_LOST),
        ),
    )
    .values(
        state=RUNNING,
        tries=_J.tries + 1,
        lease_owner=bindparam("owner"),
        lease_until=bindparam("until"),
        started_at=_NOW,
    )
    .returning(_J.id, _J.name, _J.arguments, _J.tries, _J.asked_by, _J.created_at)
)

RENEW = update(jobs).where(*_MINE).values(lease_until=bindparam("until"))

FINISH = update(jobs).where(*_MINE).values(state=DONE, finished_at=_NOW, error=None, **_FREED)


def _put_back(*which: ColumnElement[bool], due_at: ColumnElement[Any]) -> Update:
    values = {"state": QUEUED, "due_at": due_at, "queued_at": None, **_FREED}
    return update(jobs).where(*which).values(error=bindparam("error"), **values)


def _give_up(*which: ColumnElement[bool]) -> Update:
    values = {"state": FAILED, "finished_at": _NOW, **_FREED}
    return update(jobs).where(*which).values(error=bindparam("error"), **values)


TRY_AGAIN = _put_back(*_MINE, due_at=bindparam("again_at", type_=_J.due_at.type))
GIVE_UP = _give_up(*_MINE)

DEFER = (
    update(jobs)
    .where(_J.id == bindparam("job_id"), _J.state == QUEUED)
    .values(due_at=bindparam("again_at"), queued_at=None)
)
REFUSE = _give_up(_J.id == bindparam("job_id"), _J.state == QUEUED)

ANY_LOST = select(_J.id).where(*_LOST).limit(1)
PUT_BACK_LOST = _put_back(*_LOST, _J.tries < bindparam("max_tries"), due_at=_NOW).returning(
    _J.id, _J.name
)
GIVE_UP_LOST = _give_up(*_LOST, _J.tries >= bindparam("max_tries")).returning(_J.id, _J.name)

QUEUED_AT = select(_J.queued_at).where(_J.id == bindparam("job_id"))
WAITING = select(func.count()).select_from(jobs)
WAITING = WAITING.where(_J.state == QUEUED, _J.queue == bindparam("queue"))
ORPHANED = (
    select(_J.id)
    .where(_J.state == QUEUED, _J.queue == bindparam("queue"), _J.due_at <= _NOW, _SILENT)
    .order_by(_J.due_at, _J.id)
    .limit(bindparam("count"))
)
# Asks again what made it orphaned: another process may have sent it in between.
SENT_AGAIN = (
    update(jobs)
    .where(_J.id.in_(bindparam("job_ids", expanding=True)), _J.state == QUEUED, _SILENT)
    .values(queued_at=_NOW)
    .returning(_J.id)
)

RETRY = (
    update(jobs)
    .where(_J.id == bindparam("job_id"), _J.state == FAILED)
    .values(state=QUEUED, tries=0, due_at=_NOW, queued_at=_NOW, finished_at=None)
    .returning(_J.queue)
)

_OLD = select(_J.id).where(_J.state == bindparam("of_state"), _J.finished_at < bindparam("before"))
DELETE_OLD = delete(jobs).where(_J.id.in_(_OLD.limit(bindparam("count"))))

SHOWN = (
    _J.id,
    _J.name,
    _J.queue,
    _J.state,
    _J.tries,
    _J.asked_by,
    _J.created_at,
    _J.due_at,
    _J.started_at,
    _J.finished_at,
    _J.error,
)
ONE = select(*SHOWN, _J.arguments).where(_J.id == bindparam("job_id"))
_FILTERS = {
    "name": _J.name == bindparam("name"),
    "state": _J.state == bindparam("state"),
    "after": tuple_(_J.created_at, _J.id)
    < tuple_(bindparam("after_at", type_=_J.created_at.type), bindparam("after_id")),
}


def page(filters: Sequence[str]) -> Any:
    """Return the statement of a page, newest first: `name`, `state` and `after` narrow it."""
    return (
        select(*SHOWN)
        .where(*(_FILTERS[name] for name in filters))
        .order_by(_J.created_at.desc(), _J.id.desc())
        .limit(bindparam("count"))
    )


_WORK = "jobs.work_key"


class WorkIndex(Protocol):
    """Turns a text into a keyed digest: arguments may be personal data, and guessed."""

    def of(self, column: str, value: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Accepted:
    id: str
    name: str
    queue: str
    asked_by: str
    arguments: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this process runs now; `sealed` holds its arguments."""

    id: str
    name: str
    tries: int
    owner: str
    asked_by: str
    asked_at: datetime
    sealed: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class JobStore:
    """Takes jobs through their lives; each step is one short transaction."""

    storage: Storage
    rows: SealedRows
    index: WorkIndex
    clock: Callable[[], datetime]
    policy: Policy

    def accept(self, job: Accepted) -> bool:
        """Store a job as queued; false if its id is there already."""
        text = as_text(job.arguments)
        work = sha256(f"{job.name} {text}".encode()).hexdigest()
        now = self.clock()
        values = {
            "id": job.id,
            "name": job.name,
            "queue": job.queue,
            "asked_by": job.asked_by,
            "arguments": text,
            "work_key": self.index.of(_WORK, work),
            "state": QUEUED,
            "tries": 0,
            "due_at": now,
            "queued_at": now,
            "created_at": now,
        }
        try:
            with self.storage.system_transaction(write=True) as tx:
                tx.execute(insert(jobs), self.rows.seal(jobs, values))
        except Conflict:
            return False
        return True

    def claim(self, job_id: str, owner: str) -> Claim | None:
        """Take a job to run it. `None` if it is not to be run now: a message came twice.

        Conflict if equal work is running.
        """
        now = self.clock()
        parameters = {
            "job_id": job_id,
            "owner": owner,
            "now": now,
            "until": now + self.policy.lease,
            "max_tries": self.policy.max_tries,
        }
        with self.storage.system_transaction(write=True) as tx:
            row = tx.execute(CLAIM, parameters).first()
        if row is None:
            return None
        return Claim(
            row.id, row.name, row.tries, owner, row.asked_by, row.created_at, row.arguments
        )

    def arguments(self, claim: Claim) -> dict[str, Any]:
        row = {"id": claim.id, "arguments": claim.sealed}
        return from_text(self.rows.open(jobs, row, ["arguments"])["arguments"])

    def renew(self, claim: Claim) -> bool:
        """Move the lease on; false if another worker has taken the job over."""
        return self._step(RENEW, claim, until=self.clock() + self.policy.lease)

    def finish(self, claim: Claim) -> bool:
        return self._step(FINISH, claim, now=self.clock())

    def try_again(self, claim: Claim, error: str) -> bool:
        again_at = self.clock() + self.policy.wait_after(claim.tries)
        return self._step(TRY_AGAIN, claim, again_at=again_at, error=error)

    def give_up(self, claim: Claim, error: str) -> bool:
        return self._step(GIVE_UP, claim, now=self.clock(), error=error)

    def _step(self, statement: Any, claim: Claim, **values: Any) -> bool:
        """Returns false when the job is no longer the claim's."""
        parameters = {"job_id": claim.id, "owner": claim.owner, **values}
        with self.storage.system_transaction(write=True) as tx:
            return tx.execute(statement, parameters).rowcount == 1

    def defer(self, job_id: str) -> None:
        """Let a job wait whose work is being done by another; it costs no try."""
        parameters = {"job_id": job_id, "again_at": self.clock() + self.policy.lease / 2}
        with self.storage.system_transaction(write=True) as tx:
            tx.execute(DEFER, parameters)

    def refuse(self, job_id: str, error: str) -> None:
        parameters = {"job_id": job_id, "now": self.clock(), "error": error}
        with self.storage.system_transaction(write=True) as tx:
            tx.execute(REFUSE, parameters)

    def retry(self, job_id: str) -> str:
        """Give a failed job all its tries again, and return its queue; Conflict if it has not
        failed.
        """
        require_id(job_id)
        with self.storage.system_transaction(write=True) as tx:
            queue = tx.execute(RETRY, {"job_id": job_id, "now": self.clock()}).scalar()
            if queue is None and tx.execute(QUEUED_AT, {"job_id": job_id}).first():
                raise Conflict("job-not-failed", "Only a failed job can be tried again.")
        if queue is None:
            raise NotFound(NO_SUCH_JOB)
        return str(queue)

    def delete_old(self, *, of_state: str, age: timedelta, count: int = 1000) -> int:
        """Delete the rows of jobs that ended so long ago, in small transactions."""
        before = self.clock() - age
        parameters = {"of_state": of_state, "before": before, "count": count}
        forgotten = 0
        while True:
            with self.storage.system_transaction(write=True) as tx:
                deleted = tx.execute(DELETE_OLD, parameters).rowcount
            forgotten += deleted
            if deleted < count:
                return forgotten


_page = cache(page)


@dataclass(frozen=True, slots=True)
class JobList:
    """Reads the rows of jobs; a filter may name a job by its short name too."""

    storage: Storage
    rows: SealedRows
    full_name: Callable[[str], str]

    def page(
        self,
        filters: Mapping[str, str | None],
        *,
        limit: int,
        after: tuple[Any, ...] | None = None,
    ) -> Page[dict[str, Any]]:
        """Return jobs, newest first, and where the next page begins."""
        parameters: dict[str, Any] = {n: v for n, v in filters.items() if v is not None}
        if "name" in parameters:
            parameters["name"] = self.full_name(parameters["name"])
        if after is not None:
            parameters |= {"after_at": datetime.fromisoformat(after[0]), "after_id": after[1]}
        names = tuple(sorted({n.removesuffix("_at").removesuffix("_id") for n in parameters}))
        with self.storage.system_transaction(write=False) as tx:
            found = tx.execute(_page(names), {**parameters, "count": limit + 1}).mappings().all()
        rows = [_plain(row) for row in found[:limit]]
        if len(found) <= limit:
            return Page(rows, None)
        return Page(rows, (rows[-1]["created_at"].isoformat(), rows[-1]["id"]))

    def read(self, job_id: str) -> dict[str, Any]:
        require_id(job_id)
        with self.storage.system_transaction(write=False) as tx:
            row = tx.execute(ONE, {"job_id": job_id}).mappings().first()
        if row is None:
            raise NotFound(NO_SUCH_JOB)
        shown = self.rows.show(jobs, row, ["arguments"])
        if shown["arguments"] is not None:
            shown["arguments"] = from_text(shown["arguments"])
        return {**_plain(row), **shown}


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row by plain names: SQLAlchemy's are of a type of their own, which JSON refuses."""
    return {str(name): value for name, value in row.items()}


LOST = "The worker was lost while it ran the job: killed, out of memory, or cut off."


@dataclass(frozen=True, slots=True)
class JobRecovery:
    storage: Storage
    clock: Callable[[], datetime]
    policy: Policy

    def requeue_lost(self, *, max_tries: int | None = None) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return the rows of lost workers that were put back, and of those given up after
        `max_tries`.
        """
        parameters = {
            "now": self.clock(),
            "max_tries": self.policy.max_tries if max_tries is None else max_tries,
            "error": LOST,
        }
        with self.storage.system_transaction(write=False) as tx:
            if tx.execute(ANY_LOST, parameters).first() is None:
                return (), ()  # the usual case: no write lock for it
        with self.storage.system_transaction(write=True) as tx:
            again = tx.execute(PUT_BACK_LOST, parameters).all()
            return again, tx.execute(GIVE_UP_LOST, parameters).all()

    def waiting(self, queue: str) -> int:
        with self.storage.system_transaction(write=False) as tx:
            return int(tx.execute(WAITING, {"queue": queue}).scalar_one())

    def orphaned(self, queue: str, first: str | None, count: int) -> Sequence[str]:
        """Return jobs that wait for nothing, marked as sent just now: send them.

        A queue delivers in the order in which it was filled. So what was sent a good while before
        its first message has left it, and was lost if nobody runs it; so was everything sent a good
        while ago when it is empty. That needs no look at the whole queue.
        """
        now = self.clock()
        with self.storage.system_transaction(write=False) as tx:
            sent = now
            if first is not None:
                at = tx.execute(QUEUED_AT, {"job_id": first}).scalar()
                if at is None:  # about to be delivered for nothing: the next one will tell
                    return ()
                sent = min(now, at)
            sweep = {"now": now, "horizon": sent - self.policy.lease}
            found = tx.execute(ORPHANED, {**sweep, "queue": queue, "count": count})
            ids = list(found.scalars())
        if not ids:
            return ()
        with self.storage.system_transaction(write=True) as tx:
            sent_again = tx.execute(SENT_AGAIN, {**sweep, "job_ids": ids}).scalars()
            ours = set(sent_again)
        return [one for one in ids if one in ours]
