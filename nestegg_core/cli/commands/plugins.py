"""`nestegg plugins`: every installed plugin and what became of it, also when nothing can start."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nestegg_core.cli.group import (
    WRONG,
    Refused,
    json_option,
    print_json,
    print_table,
    show_problems,
)
from nestegg_core.cli.inspection import discover, load_both
from nestegg_core.plugin_host.scaffold import KINDS, InvalidName, Names, names_for
from nestegg_core.settings import Environment

if TYPE_CHECKING:
    from nestegg_core.plugin_host import PluginStatus


_COLUMNS = ("NAME", "STATE", "KIND", "PROVIDES", "DISTRIBUTION", "VERSION", "HOOKS")


_NAMES = 10
"""Registrations of a plugin that the table names."""


@click.command(epilog="Example: nestegg plugins --json")
@json_option
@click.option("--check", is_flag=True, help="End with 1 when any plugin failed, needed or not.")
@click.pass_context
def plugins(ctx: click.Context, as_json: bool, check: bool) -> None:
    """List the plugins: kind, distribution, version, hooks and state.

    States: selected (in force), available (in order, not asked for), disabled, failed. The exit
    code is 1 when the settings ask for something that cannot be used.
    """
    environment = Environment.read()
    host = discover(environment)
    settings, problems = load_both(host, environment)
    statuses = host.statuses(settings, environment)
    if as_json:
        print_json({"plugins": [asdict(status) for status in statuses]})
    else:
        _print(statuses)
    if settings is None:
        click.echo("\nNothing counts as selected, because the settings are not right:", err=True)
    elif problems:
        click.echo("\nThe server cannot start with these plugins:", err=True)
    show_problems(problems)
    show_problems(host.misspelt())
    failed = any(status.state == "failed" for status in statuses)
    if (settings is not None and problems) or (check and (failed or problems)):
        ctx.exit(WRONG)


def _print(statuses: "list[PluginStatus]") -> None:
    print_table(
        _COLUMNS,
        (
            (
                status.name,
                status.state,
                ", ".join(status.kinds),
                _some([name for _, name in status.registrations]),
                status.distribution,
                status.version,
                ", ".join(hook.removeprefix("nestegg_") for hook in status.hooks),
            )
            for status in statuses
        ),
    )
    for status in statuses:
        if status.cause:
            click.echo(f"\n{status.name} {status.state}: {status.cause}\n  Fix: {status.fix}")
        for warning in status.warnings:
            click.echo(f"\n{warning.where} {warning.what}\n  Fix: {warning.fix}")


def _some(names: Sequence[str]) -> str:
    """Name as many as a table has room for; `--json` names all."""
    more = len(names) - _NAMES
    return ", ".join([*names[:_NAMES], *([f"and {more} more"] if more > 0 else [])])


_EPILOG = """\b
Examples:
  nestegg plugin new identity-provider acme
  nestegg plugin new retention-policy legal-hold --to ~/src"""


@click.group(epilog="Example: nestegg plugin new retention-policy legal-hold")
def plugin() -> None:
    """Write plugins of your own."""


@plugin.command(epilog=_EPILOG)
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("name")
@click.option(
    "--to",
    "parent",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder in which the new one is made. [default: the present one]",
)
def new(kind: str, name: str, parent: Path) -> None:
    """Write a distribution with a plugin of KIND that works and passes its tests.

    NAME is lower-case words with - or _ between: operators will write it in their settings.
    """
    from nestegg_core.plugin_host.discovery import core_version
    from nestegg_core.plugin_host.scaffold import write

    try:
        names = names_for(kind, name)
    except InvalidName as error:
        raise click.UsageError(f"{error}.") from None
    _refuse_taken(names)
    try:
        folder = write(names, parent, core_version())
    except FileExistsError:
        folder = parent / names.distribution
        raise Refused(
            f"There is a {folder} already, and nothing was written. Take it away, or choose "
            "another NAME or another folder (--to)."
        ) from None
    except OSError as error:
        raise Refused(f"Cannot write below {parent}: {error.strerror}.") from None
    click.echo(
        f"Wrote {folder}, the {kind} {names.name!r}. Next:\n\n"
        f"  pip install -e '{folder}[test]'\n"
        f"  pytest {folder}\n"
        "  nestegg plugins"
    )


def _refuse_taken(names: Names) -> None:
    """Two plugins with one name refuse the start, so that of a built-in cannot be had."""
    from nestegg_core.plugin_host import PluginHost

    for entry in PluginHost.discover(entry_points=()).registered():
        taken = entry.kind.keys_of(entry.registration)
        if entry.kind.name.replace("_", "-") == names.kind and {names.name, names.scheme} & {
            *taken
        }:
            raise Refused(
                f"The core itself has the {names.kind} {names.name!r}. Choose another NAME."
            )
