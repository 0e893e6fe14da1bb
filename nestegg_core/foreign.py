"""The one place where code of others is called: what comes out of it is an `Exception` or a value.

Every seam calls plugins through here, so that no seam needs a list of what they may raise. Texts
that a provider sends are judged here as well.
"""

import functools
import inspect
import re
import threading
from collections.abc import Callable
from typing import Any, NoReturn, ParamSpec, TypeVar

MAX_SUBJECT_CHARACTERS = 255  # OpenID Connect Core, 2
MAX_TEXT_CHARACTERS = 320  # the longest address that RFC 5321, 4.5.3.1 allows

# What no name holds, and what databases and encoders choke on: controls and lone surrogates.
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def text(value: object, *, limit: int = MAX_TEXT_CHARACTERS) -> str | None:
    """Return a claim's text when it is fit to be stored and shown, else `None`.

    Example:
        >>> text("Aino"), text("a\\x00b"), text(7), text("")
        ('Aino', None, None, None)
    """
    if not isinstance(value, str) or not value or len(value) > limit or _UNFIT.search(value):
        return None
    return value


def subject_text(value: object) -> str | None:
    """Return a user's key when it is fit for one, else `None`."""
    return text(value, limit=MAX_SUBJECT_CHARACTERS)


P = ParamSpec("P")
T = TypeVar("T")


class Escape(Exception):
    """What was raised is no `Exception`, so that whoever handles those would not have seen it.

    asyncio's `CancelledError`, gevent's `Timeout`, a panic in Rust and `sys.exit` are such. The
    cause is what was raised.
    """


class NeverRan(Exception):
    """A call returned what would have to be awaited or walked through, so nothing was done."""

    def __init__(self, result: object) -> None:
        super().__init__(f"answered a {type(result).__name__}, so nothing ran: write {PLAIN}")


PLAIN = "`def` without `async` or `yield`"


def call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a function of others returns.

    Raises:
        Escape: it raised something that is no `Exception`.
        NeverRan: it is a coroutine function or a generator function.
        KeyboardInterrupt: in the main thread, where Ctrl-C arrives; elsewhere it is an `Escape`.

    Example:
        >>> call(int, "7")
        7
        >>> import sys
        >>> call(sys.exit)
        Traceback (most recent call last):
        nestegg_core.foreign.Escape: SystemExit
    """
    return contained(_ran, functools.partial(function, *args, **kwargs))


def _ran(function: Callable[[], T]) -> T:
    result = function()
    if inspect.isawaitable(result) or inspect.isasyncgen(result) or inspect.isgenerator(result):
        _dispose(result)
        raise NeverRan(result)
    return result


def contained(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do as `call`, and let every answer pass: for what may be of the core as well."""
    try:
        return function(*args, **kwargs)
    except Exception:
        raise
    except BaseException as error:
        _escaped(error)


def raised(error: BaseException) -> BaseException:
    """Return what was raised in the first place."""
    return error.__cause__ or error if isinstance(error, Escape) else error


def never_runs(function: object) -> bool:
    """Tell whether calling this would only make a coroutine or a generator.

    Example:
        >>> async def sweep(arguments): ...
        >>> never_runs(sweep), never_runs(functools.partial(sweep, {})), never_runs(len)
        (True, True, False)
    """
    while isinstance(function, functools.partial | staticmethod | classmethod):
        function = function.func if isinstance(function, functools.partial) else function.__func__
    called = inspect.getattr_static(type(function), "__call__", None)  # of an object
    return _never_runs(function) or _never_runs(called)


def _never_runs(function: Any) -> bool:
    return (
        inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
        or inspect.isgeneratorfunction(function)
    )


def _escaped(error: BaseException) -> NoReturn:
    ours = threading.current_thread() is threading.main_thread()
    if isinstance(error, KeyboardInterrupt) and ours:
        raise error
    raise Escape(type(error).__name__) from error


def _dispose(result: Any) -> None:
    """Python warns of a coroutine that nobody has awaited; the fault tells more."""
    if inspect.iscoroutine(result) or inspect.isgenerator(result):
        result.close()
