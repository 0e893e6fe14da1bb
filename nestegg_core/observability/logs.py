"""Logging: one event a line, for users or as JSON, the libraries' own messages included."""

import logging
import sys
import traceback
from collections.abc import Iterator

import structlog
from structlog.typing import ExcInfo, Processor

from nestegg_core.errors import NestEggError


def traceback_of(error: BaseException) -> str:
    """Return the frames and types of an exception and of what led to it, the cause first.

    Local variables are left out, and so are messages, save those of our own errors: a library's may
    repeat a user's data, as when a database names the text that it could not take. A database's own
    code for the error is kept (`sqlstate`, SQLite's name).
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


_QUIET = {
    # Of every look at the revision; the commands tell of what they did.
    "alembic": logging.WARNING,
    # Of every statement, and at DEBUG of every row with all that is in it.
    "sqlalchemy.engine": logging.WARNING,
    # Of the addresses of everything that is fetched.
    "urllib3": logging.INFO,
}
"""The least that libraries may say, whatever the level: below that they tell what nobody may read,
or too much of it."""

_RQ_FAILED = "exception raised while executing"


def configure_logging(log_format: str, level: str) -> None:
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        # A cached logger would keep the first configuration for ever: a process has several, the
        # one before its settings are read and the one after.
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_last(log_format),
            ],
        )
    )
    handler.addFilter(_without_values)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for library, least in _QUIET.items():
        logging.getLogger(library).setLevel(least)


def _without_values(record: logging.LogRecord) -> bool:
    """Keep what errors say out of libraries' messages: RQ logs a whole traceback as a text, and
    others put the error into the line. Its type is told.
    """
    if _RQ_FAILED in str(record.msg):
        record.msg, record.args = "RQ could not run a job", ()
    elif isinstance(record.args, tuple):
        record.args = tuple(map(_named, record.args))
    return True


def _named(argument: object) -> object:
    return type(argument).__name__ if isinstance(argument, BaseException) else argument


def _last(log_format: str) -> list[Processor]:
    exceptions = structlog.processors.ExceptionRenderer(_traceback)
    if log_format == "json":
        return [exceptions, structlog.processors.JSONRenderer()]
    return [exceptions, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]


def _traceback(exc_info: ExcInfo) -> str:
    return traceback_of(exc_info[1])
