"""Ids of rows: UUIDv7 (RFC 9562, 5.7), made by the application.

They grow with time, so new rows lie together, and a value can be bound to its row before the
row is inserted.
"""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a new id.

    Example:
        >>> new_id().version
        7
    """
    return uuid7()
