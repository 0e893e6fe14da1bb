"""The group of all commands, those of plugins too; how they answer, and how they fail."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from nestegg_core.contracts.names import aliases
from nestegg_core.errors import ConfigurationError, NestEggError, Problem, told
from nestegg_core.files import obstacle

if TYPE_CHECKING:
    from nestegg_core.plugin_host import Registered


_UNBOUNDED = 10_000
"""Columns of a line where nobody looks: what is piped on must not be wrapped."""

json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, default=str, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    width = None if sys.stdout.isatty() else _UNBOUNDED
    # Cells are data: `[red]` in one is a text, and no colour.
    console = Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        click.echo(line.rstrip())


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


A = TypeVar("A")
B = TypeVar("B")

WRONG = 1
"""Exit code: something is wrong with the data, or was refused."""

MISCONFIGURED = 2
"""Exit code: the command line or the configuration is not right."""


class Refused(click.ClickException):
    exit_code = WRONG


class Misconfigured(click.ClickException):
    exit_code = MISCONFIGURED

    def __init__(self, problems: Sequence[Problem]) -> None:
        self._problems = problems
        super().__init__("the configuration is not right")

    def show(self, file: IO[Any] | None = None) -> None:
        count = len(self._problems)
        click.echo(f"Nest Egg cannot start: {count} problem{'s'[: count != 1]}", file, err=True)
        show_problems(self._problems, file)


def show_problems(problems: Sequence[Problem], file: IO[Any] | None = None) -> None:
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
    """Take both steps, and raise one ConfigurationError with the problems of both."""
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


_PLUGIN_COMMANDS = "nestegg_core.cli.plugin_commands"
_RUNNING = "nestegg_core.cli.running"
_HELP = """\
Nest Egg, self-hosted personal finance.

Settings are read from the environment and from the file .env: see `nestegg config`.
"""
_EPILOG = "Example: nestegg serve --port 8000"


class NestEgg(click.Group):
    """`nestegg`. Errors that Nest Egg raises on purpose end it with a message, not a traceback.

    A plugin's command is `<plugin>.<name>`, and `<name>` alone while that is free. Plugins are
    looked for only when the core has no command of the name, or when all commands are
    listed. One that is broken is left out here and shown by `nestegg plugins`.
    """

    def __init__(self, name: str, commands: Sequence[click.Command]) -> None:
        super().__init__(
            name, commands, help=_HELP, epilog=_EPILOG, invoke_without_command=True, callback=_help
        )
        click.version_option(package_name="nestegg-core", prog_name=name)(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        own = super().list_commands(ctx)
        found = _of_plugins(ctx)
        short = {full: alias for alias, full in aliases(found, own).items()}
        return sorted({*own, *(short.get(name, name) for name in found)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command of the core comes before one of a plugin."""
        if own := super().get_command(ctx, cmd_name):
            return own
        found = _of_plugins(ctx)
        entry = found.get(aliases(found, ()).get(cmd_name, cmd_name))
        if entry is None:
            return None
        ctx.meta[_RUNNING] = entry.source
        command: click.Command = entry.registration.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with readable():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BaseException as error:
            source = ctx.meta.get(_RUNNING)
            if source is None or isinstance(error, SystemExit | KeyboardInterrupt):
                raise
            raise Refused(f"{source}: its command raised {type(error).__name__}") from error


@click.pass_context
def _help(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _of_plugins(ctx: click.Context) -> "Mapping[str, Registered]":
    if _PLUGIN_COMMANDS not in ctx.meta:
        ctx.meta[_PLUGIN_COMMANDS] = _discovered()
    found: Mapping[str, Registered] = ctx.meta[_PLUGIN_COMMANDS]
    return found


def _discovered() -> "Mapping[str, Registered]":
    from nestegg_core.cli.inspection import discover
    from nestegg_core.settings import Environment

    entries = discover(Environment.read()).registered()
    return {entry.full_name: entry for entry in entries if entry.kind.name == "command"}
