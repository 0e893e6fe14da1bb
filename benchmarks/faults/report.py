"""What one fault did."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """What was seen of one fault.

    Attributes:
        fault: what was done.
        asked: how many writes, jobs or commands there were.
        lost: confirmed and not there.
        doubled: there more often than asked for.
        half_done: parts of a write without the rest of it.
        failed: answers that a caller without retries would have had to tell of as failures.
        recovery: seconds from the end of the fault to the first success; `None` where nothing
            was down.
        notes: what else was seen.
    """

    fault: str
    asked: int
    lost: int
    doubled: int
    half_done: int
    failed: int
    recovery: float | None
    notes: str = ""

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled or half done."""
        return not (self.lost or self.doubled or self.half_done)


_HEAD = (
    ("fault", 52),
    ("asked", 7),
    ("lost", 5),
    ("doubled", 8),
    ("half done", 10),
    ("failed", 7),
    ("recovery s", 11),
)


def table(reports: Sequence[Report]) -> str:
    """Return the reports for users."""
    lines = ["".join(f"{name:{'<' if not i else '>'}{width}}" for i, (name, width) in _numbered())]
    for one in reports:
        recovery = "-" if one.recovery is None else f"{one.recovery:.1f}"
        numbers = (one.asked, one.lost, one.doubled, one.half_done, one.failed, recovery)
        cells = zip(numbers, _HEAD[1:], strict=True)
        lines.append(
            f"{one.fault:52}" + "".join(f"{value:>{width}}" for value, (_, width) in cells)
        )
        if one.notes:
            lines.append(f"    {one.notes}")
    return "\n".join(lines)


def _numbered() -> Sequence[tuple[int, tuple[str, int]]]:
    return list(enumerate(_HEAD))
