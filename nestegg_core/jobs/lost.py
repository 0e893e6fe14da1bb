"""What nobody works at any more: jobs whose worker was lost, and jobs whose message was."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from nestegg_core.contracts.storage import Storage
from nestegg_core.jobs import statements
from nestegg_core.jobs.policy import Policy

LOST = "The worker was lost while it ran the job: killed, out of memory, or cut off."


class LostAndFound:
    """Finds the jobs whose worker was lost, and those whose message was."""

    def __init__(self, storage: Storage, clock: Callable[[], datetime], policy: Policy) -> None:
        self._storage = storage
        self._clock = clock
        self._policy = policy

    def take_back(self, *, max_tries: int | None = None) -> tuple[Sequence[Any], Sequence[Any]]:
        """Take the jobs of lost workers back: to be run again, or failed after their last try.

        Args:
            max_tries: instead of the policy's; 0 where nobody would run them again.

        Returns:
            the rows (`id`, `name`) that were put back, and those that were given up.
        """
        parameters = {
            "now": self._clock(),
            "max_tries": self._policy.max_tries if max_tries is None else max_tries,
            "error": LOST,
        }
        with self._storage.system_transaction(write=False) as tx:
            if tx.execute(statements.ANY_LOST, parameters).first() is None:
                return (), ()  # the usual case: no write lock for it
        with self._storage.system_transaction(write=True) as tx:
            again = tx.execute(statements.PUT_BACK_LOST, parameters).all()
            return again, tx.execute(statements.GIVE_UP_LOST, parameters).all()

    def waiting(self, queue: str) -> int:
        """Count the jobs that wait."""
        with self._storage.system_transaction(write=False) as tx:
            return int(tx.execute(statements.WAITING, {"queue": queue}).scalar_one())

    def strays(self, queue: str, first: str | None, count: int) -> Sequence[str]:
        """Return jobs that wait for nothing, marked as sent just now: send them.

        A queue delivers in the order in which it was filled. So what was sent a good while
        before its first message has left it, and was lost if nobody runs it; so was everything
        sent a good while ago when it is empty. That needs no look at the whole queue.

        Args:
            queue: its name.
            first: the id in the queue's first message; `None` when it is empty.
            count: how many at most.
        """
        now = self._clock()
        with self._storage.system_transaction(write=False) as tx:
            sent = now
            if first is not None:
                at = tx.execute(statements.QUEUED_AT, {"job_id": first}).scalar()
                if at is None:  # about to be delivered for nothing: the next one will tell
                    return ()
                sent = min(now, at)
            sweep = {"now": now, "horizon": sent - self._policy.lease}
            found = tx.execute(statements.STRAYS, {**sweep, "queue": queue, "count": count})
            ids = list(found.scalars())
        if not ids:
            return ()
        with self._storage.system_transaction(write=True) as tx:
            sent_again = tx.execute(statements.SENT_AGAIN, {**sweep, "job_ids": ids}).scalars()
            ours = set(sent_again)
        return [one for one in ids if one in ours]
