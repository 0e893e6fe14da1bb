"""Keyset pages of users's rows, whose ids are in the order of their making (UUIDv7)."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

T = TypeVar("T")

FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)
"""Ids before and after all others: where a list begins that goes up, or down."""


class Page(NamedTuple, Generic[T]):
    """One page of a list.

    Attributes:
        items: at most as many as were asked for.
        after: the last item's sort key, from which the next page goes on; `None` at the end.
    """

    items: Sequence[T]
    after: tuple[Any, ...] | None


def page_by_id(rows: Sequence[Any], limit: int, shown: Callable[[Any], T]) -> Page[T]:
    """Cut rows that were selected with `limit + 1` to the page, and tell where the next begins.

    Args:
        rows: in the order of their column `id`, up or down.
        shown: makes an item of a row.
    """
    kept = rows[:limit]
    return Page([shown(row) for row in kept], (str(kept[-1].id),) if len(rows) > limit else None)


def position(after: tuple[Any, ...] | None, *, otherwise: UUID) -> UUID:
    """Return the id behind which a page begins: `otherwise` for the first page."""
    return otherwise if after is None else UUID(after[0])


def page_of(rows: Sequence[Any], limit: int, key: Callable[[Any], tuple[Any, ...]]) -> Page[Any]:
    """Cut rows that were selected with `limit + 1` to the page, and tell where the next begins.

    Example:
        >>> page_of([3, 2, 1], 2, lambda row: (row,))
        Page(items=[3, 2], after=(2,))
    """
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], key(rows[limit - 1]))
