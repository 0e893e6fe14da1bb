"""Tracebacks that may be logged: where it failed, in lines of code, and never with what values."""

import traceback
from collections.abc import Iterator

from nestegg_core.errors import NestEggError


def traceback_of(error: BaseException) -> str:
    """Return the frames and types of an exception and of what led to it, the cause first.

    Local variables are left out, and so are messages, save those of our own errors: a library's
    may repeat a person's data, as when a database names the text that it could not take. A
    database's own code for the error is kept (`sqlstate`, SQLite's name).

    Example:
        >>> print(traceback_of(ValueError("no such account: DE89 3704")))
        ValueError
    """
    return "\nwhich led to\n".join(_one(each) for each in reversed(list(_chain(error))))


def cause_of(error: BaseException) -> str:
    """Return why a database is out of reach, in its driver's words; empty when there are none.

    What the database itself answers to a statement may repeat a value, so of that its code is
    told alone.
    """
    driver = getattr(error.__cause__, "orig", None)
    return "" if driver is None else getattr(driver, "sqlstate", None) or str(driver)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        hidden = following.__suppress_context__
        following = following.__cause__ or (None if hidden else following.__context__)


def _one(error: BaseException) -> str:
    frames = "".join(traceback.format_tb(error.__traceback__))
    code = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
    told = str(error) if isinstance(error, NestEggError) else code
    return frames + type(error).__qualname__ + (f": {told}" if told else "")
