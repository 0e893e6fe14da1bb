"""The book of jobs: every accepted one is a row, and only what the row says happens.

The lock that a job holds is its row in the state `running`, with an owner and a time until which
that counts; the owner moves the time on (`lease.py`). One mechanism serves both databases, and
advisory locks do not: they would hold a connection for as long as the job runs, are lost behind a
pooler that hands connections around, and cannot tell the operator who has the job. A claim is one
UPDATE, so two workers cannot both win; a partial unique index keeps equal work (the same job with
the same arguments) from running twice at once. Whoever is stopped for longer than the lease may
find its job taken over, which is why jobs must be idempotent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import insert

from nestegg_core.contracts.storage import Storage
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import jobs
from nestegg_core.errors import Conflict, NotFound
from nestegg_core.jobs import statements
from nestegg_core.jobs.arguments import as_text, from_text
from nestegg_core.jobs.ids import NO_SUCH_JOB, require_id
from nestegg_core.jobs.policy import Policy

_WORK = "jobs.work_key"


class WorkIndex(Protocol):
    """Turns a text into a keyed digest: arguments may be personal data, and guessed."""

    def of(self, column: str, value: str) -> bytes:
        """Return 32 bytes that are equal for equal texts."""
        ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job to accept.

    Attributes:
        asked_by: who asked for it; see `nestegg_core.jobs.current`.
        arguments: JSON values; they are sealed before they are stored.
    """

    id: str
    name: str
    queue: str
    asked_by: str
    arguments: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this process runs now. `sealed` holds its arguments."""

    id: str
    name: str
    tries: int
    owner: str
    asked_by: str
    asked_at: datetime
    sealed: str = field(repr=False)


class JobBook:
    """Takes jobs through their lives; each step is one short transaction."""

    def __init__(
        self,
        storage: Storage,
        rows: SealedRows,
        index: WorkIndex,
        clock: Callable[[], datetime],
        policy: Policy,
    ) -> None:
        self._storage = storage
        self._rows = rows
        self._index = index
        self._clock = clock
        self.policy = policy

    def accept(self, job: Accepted) -> bool:
        """Store a job as queued. Returns false when its id is there already.

        Raises:
            InvalidInput: its arguments are no JSON.
        """
        text = as_text(job.arguments)
        work = sha256(f"{job.name} {text}".encode()).hexdigest()
        now = self._clock()
        values = {
            "id": job.id,
            "name": job.name,
            "queue": job.queue,
            "asked_by": job.asked_by,
            "arguments": text,
            "work_key": self._index.of(_WORK, work),
            "state": statements.QUEUED,
            "tries": 0,
            "due_at": now,
            "queued_at": now,
            "created_at": now,
        }
        try:
            with self._storage.system_transaction(write=True) as tx:
                tx.execute(insert(jobs), self._rows.seal(jobs, values))
        except Conflict:
            return False
        return True

    def claim(self, job_id: str, owner: str) -> Claim | None:
        """Take a job to run it. `None` when it is not to be run now: a message came twice.

        Raises:
            Conflict: equal work is running.
        """
        now = self._clock()
        parameters = {
            "job_id": job_id,
            "owner": owner,
            "now": now,
            "until": now + self.policy.lease,
            "max_tries": self.policy.max_tries,
        }
        with self._storage.system_transaction(write=True) as tx:
            row = tx.execute(statements.CLAIM, parameters).first()
        if row is None:
            return None
        return Claim(
            row.id, row.name, row.tries, owner, row.asked_by, row.created_at, row.arguments
        )

    def arguments(self, claim: Claim) -> dict[str, Any]:
        """Open the arguments of a job.

        Raises:
            DecryptionError: they were altered, or their key is missing.
        """
        row = {"id": claim.id, "arguments": claim.sealed}
        return from_text(self._rows.open(jobs, row, ["arguments"])["arguments"])

    def renew(self, claim: Claim) -> bool:
        """Move the lease on. Returns false when another worker has taken the job over."""
        return self._step(statements.RENEW, claim, until=self._clock() + self.policy.lease)

    def finish(self, claim: Claim) -> bool:
        """Note that the job is done."""
        return self._step(statements.FINISH, claim, now=self._clock())

    def try_again(self, claim: Claim, error: str) -> bool:
        """Put a job back after a failed try; it is due after a while."""
        again_at = self._clock() + self.policy.wait_after(claim.tries)
        return self._step(statements.TRY_AGAIN, claim, again_at=again_at, error=error)

    def give_up(self, claim: Claim, error: str) -> bool:
        """Keep a job as failed, with its error."""
        return self._step(statements.GIVE_UP, claim, now=self._clock(), error=error)

    def _step(self, statement: Any, claim: Claim, **values: Any) -> bool:
        """Returns false when the job is no longer the claim's."""
        parameters = {"job_id": claim.id, "owner": claim.owner, **values}
        with self._storage.system_transaction(write=True) as tx:
            return tx.execute(statement, parameters).rowcount == 1

    def put_off(self, job_id: str) -> None:
        """Let a job wait whose work is being done by another; it costs no try."""
        parameters = {"job_id": job_id, "again_at": self._clock() + self.policy.lease / 2}
        with self._storage.system_transaction(write=True) as tx:
            tx.execute(statements.PUT_OFF, parameters)

    def refuse(self, job_id: str, error: str) -> None:
        """Keep a job as failed that could not be begun."""
        parameters = {"job_id": job_id, "now": self._clock(), "error": error}
        with self._storage.system_transaction(write=True) as tx:
            tx.execute(statements.REFUSE, parameters)

    def retry(self, job_id: str) -> str:
        """Give a failed job all its tries again, and return its queue.

        Raises:
            NotFound: there is no such job.
            Conflict: it has not failed.
        """
        require_id(job_id)
        with self._storage.system_transaction(write=True) as tx:
            queue = tx.execute(statements.RETRY, {"job_id": job_id, "now": self._clock()}).scalar()
            if queue is None and tx.execute(statements.QUEUED_AT, {"job_id": job_id}).first():
                raise Conflict("job-not-failed", "Only a failed job can be tried again.")
        if queue is None:
            raise NotFound(NO_SUCH_JOB)
        return str(queue)

    def forget(self, *, of_state: str, age: timedelta, count: int = 1000) -> int:
        """Delete the rows of jobs that ended so long ago, in small transactions."""
        before = self._clock() - age
        parameters = {"of_state": of_state, "before": before, "count": count}
        forgotten = 0
        while True:
            with self._storage.system_transaction(write=True) as tx:
                deleted = tx.execute(statements.FORGET, parameters).rowcount
            forgotten += deleted
            if deleted < count:
                return forgotten
