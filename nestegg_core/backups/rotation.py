"""Which backups to keep: the last ones, and the newest of each day, week and month."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from nestegg_core.backups.store import BackupFile


@dataclass(frozen=True, slots=True)
class RotationPolicy:
    """How many to keep. Days, weeks (ISO 8601) and months are of UTC, and count if they have a
    backup.

    With `unverified` the other rules are about verified backups alone, and that many of the newest
    others stay: where verification fails, they neither fill the disk nor push out what is known to
    restore.
    """

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    unverified: int | None = None

    @property
    def anything(self) -> bool:
        return bool(self.last or self.daily or self.weekly or self.monthly or self.unverified)


def expired(found: Sequence[BackupFile], keep: RotationPolicy) -> Sequence[BackupFile]:
    """Return the backups that no rule keeps, the newest first.

    The newest verified one always stays. Without any rule, all do.
    """
    if not keep.anything:
        return []
    verified = [one for one in found if one.verified_at is not None]
    if keep.unverified is None:
        wanted = _by_rules(found, keep)
    else:
        others = [one.path for one in found if one.verified_at is None]
        wanted = {*_by_rules(verified, keep), *others[: keep.unverified]}
    wanted.update(one.path for one in verified[:1])
    return [one for one in found if one.path not in wanted]


def _by_rules(found: Sequence[BackupFile], keep: RotationPolicy) -> set[object]:
    return {
        *_newest_of_each(found, keep.last, lambda one: one.path.name),
        *_newest_of_each(found, keep.daily, lambda one: one.created_at.date()),
        *_newest_of_each(found, keep.weekly, lambda one: one.created_at.isocalendar()[:2]),
        *_newest_of_each(found, keep.monthly, lambda one: _month(one.created_at)),
    }


def _month(moment: datetime) -> tuple[int, int]:
    return moment.year, moment.month


def _newest_of_each(
    found: Sequence[BackupFile], count: int, period: Callable[[BackupFile], object]
) -> list[object]:
    newest: dict[object, object] = {}
    for one in found:
        newest.setdefault(period(one), one.path)
    return list(newest.values())[:count]
