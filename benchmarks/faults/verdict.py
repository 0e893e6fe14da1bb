"""Compares what was confirmed with what is there."""

from collections import Counter

import psycopg

from benchmarks.faults.report import Report
from benchmarks.faults.scene import Scene
from benchmarks.faults.writers import Writes


def judge(
    scene: Scene, fault: str, writes: Writes, ended: float, *, notes: str = "", seconds: float = 0.0
) -> Report:
    """Return the report of a fault that ended at a moment.

    A row that was never confirmed is nothing lost, for its client still holds the key; more than
    one under a key is a doubled one.

    Args:
        seconds: how long it lasted, for the notes.
    """
    there = Counter(_payees(scene))
    recovery = writes.recovery(ended)
    told = f"{notes}{'; ' if notes and seconds else ''}"
    told += f"lasted {seconds:.0f} s" if seconds else ""
    return Report(
        fault=fault,
        asked=len(writes.confirmed) + len(writes.refused),
        lost=sum(not there[key] for key in writes.confirmed) + len(writes.refused),
        doubled=sum(count - 1 for count in there.values()),
        half_done=unbalanced(scene),
        failed=len(writes.failed),
        recovery=recovery,
        notes=told if writes.retry_after else f"{told}; a 503 without Retry-After",
    )


def _payees(scene: Scene) -> list[str]:
    """Read as the owner, whom row-level security does not hold."""
    with psycopg.connect(scene.variables["DATABASE_ADMIN_URL"]) as connection:
        return [payee for (payee,) in connection.execute("SELECT payee FROM transactions")]


def unbalanced(scene: Scene) -> int:
    """Count accounts whose balance is not the sum of what was booked; one more if `nestegg check
    books` finds anything.
    """
    query = (
        "SELECT count(*) FROM accounts a WHERE balance <> opening_balance + (SELECT "
        "coalesce(sum(amount), 0) FROM transactions t WHERE (t.org_id, t.account_id) = "
        "(a.org_id, a.id))"
    )
    with psycopg.connect(scene.variables["DATABASE_ADMIN_URL"]) as connection:
        row = connection.execute(query).fetchone()
    if row is None:
        raise RuntimeError("PostgreSQL did not count")
    return int(row[0]) + int(scene.command("check", "books").returncode != 0)
