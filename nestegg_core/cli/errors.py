"""How errors end a command: what is said on standard error, and the exit code."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, TypeVar

import click

from nestegg_core.errors import ConfigurationError, NestEggError, Problem, told
from nestegg_core.files import obstacle

A = TypeVar("A")
B = TypeVar("B")

WRONG = 1
"""Exit code: something is wrong with the data, or was refused."""

MISCONFIGURED = 2
"""Exit code: the command line or the configuration is not right."""


class Refused(click.ClickException):
    """What was asked cannot be done; the message says why and what to do."""

    exit_code = WRONG


class Misconfigured(click.ClickException):
    """The configuration is not right; every problem is shown."""

    exit_code = MISCONFIGURED

    def __init__(self, problems: Sequence[Problem]) -> None:
        self._problems = problems
        super().__init__("the configuration is not right")

    def show(self, file: IO[Any] | None = None) -> None:
        """Print every problem with its fix."""
        count = len(self._problems)
        click.echo(f"Nest Egg cannot start: {count} problem{'s'[: count != 1]}", file, err=True)
        show_problems(self._problems, file)


def show_problems(problems: Sequence[Problem], file: IO[Any] | None = None) -> None:
    """Print problems of settings or plugins to standard error."""
    for problem in problems:
        click.echo(f"\n  {problem.where} {problem.what}\n    Fix: {problem.fix}", file, err=True)


@contextmanager
def readable() -> Iterator[None]:
    """Turn the errors that are raised on purpose into those that click shows."""
    try:
        yield
    except ConfigurationError as error:
        raise Misconfigured(error.problems) from None
    except NestEggError as error:
        raise Refused(told(error)) from None
    except OSError as error:
        if (why := obstacle(error)) is None:
            raise
        raise Refused(why) from None


def both(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """Take both steps, and report what either found wrong with the configuration.

    Raises:
        ConfigurationError: with every problem of both.
    """
    results: list[Any] = []
    problems: list[Problem] = []
    for step in (first, second):
        try:
            results.append(step())
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return results[0], results[1]
