"""Keyset pages: where a list goes on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        items: at most as many as were asked for.
        after: the last item's sort key, from which the next page goes on; `None` at the end.
    """

    items: Sequence[T]
    after: tuple[Any, ...] | None


def page_of(
    rows: Sequence[Any], limit: int, key: Callable[[Any], tuple[Any, ...]]
) -> tuple[Sequence[Any], tuple[Any, ...] | None]:
    """Cut rows that were selected with `limit + 1` to the page, and tell where the next begins.

    Example:
        >>> page_of([3, 2, 1], 2, lambda row: (row,))
        ([3, 2], (2,))
    """
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], key(rows[limit - 1])
