"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta


class MovableClock:
    """A `Clock` whose time passes only by `move`.

    Args:
        start: the first moment, aware; noon of a day in 2030 when not given.

    Example:
        >>> clock = MovableClock()
        >>> clock.move(hours=1)
        >>> clock().isoformat()
        '2030-01-01T13:00:00+00:00'
    """

    def __init__(self, start: datetime = datetime(2030, 1, 1, 12, tzinfo=UTC)) -> None:
        self._now = start

    def __call__(self) -> datetime:
        """Return the present moment."""
        return self._now

    def move(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> None:
        """Let time pass; negative values turn it back."""
        self._now += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
