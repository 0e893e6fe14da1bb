"""Keyset pages; ids are in the order of their making (UUIDv7)."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

T = TypeVar("T")

FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)
"""Ids before and after all others: where a list begins that goes up, or down."""


class Page(NamedTuple, Generic[T]):
    """One page of a list; `after` is the last item's sort key, `None` at the end."""

    items: Sequence[T]
    after: tuple[Any, ...] | None


def page_by_id(rows: Sequence[Any], limit: int, shown: Callable[[Any], T]) -> Page[T]:
    """Cut rows in the order of their ids, selected with `limit + 1`."""
    page = page_of(rows, limit, lambda row: (str(row.id),))
    return page._replace(items=[shown(row) for row in page.items])


def position(after: tuple[Any, ...] | None, *, otherwise: UUID) -> UUID:
    """The id behind which a page begins: `otherwise` for the first page."""
    return otherwise if after is None else UUID(after[0])


def page_of(rows: Sequence[Any], limit: int, key: Callable[[Any], tuple[Any, ...]]) -> Page[Any]:
    """Cut rows that were selected with `limit + 1`."""
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], key(rows[limit - 1]))
