"""A second opinion about what day it is, before anything is deleted for good.

A machine whose clock is a year ahead finds that nearly everything has had its time. Two others are
asked: the database's clock, where that is another one, and the moment of the run before, which the
daily job moves on. Neither knows the truth; that they agree is what makes it likely.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, insert, select

from nestegg_core.contracts.storage import Storage
from nestegg_core.database.tables import clock_marks
from nestegg_core.errors import Conflict

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
