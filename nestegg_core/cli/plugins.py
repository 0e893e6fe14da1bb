"""`nestegg plugins`: every installed plugin and what became of it, also when nothing can start."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from pydantic_settings import BaseSettings

from nestegg_core.cli.errors import WRONG, show_problems
from nestegg_core.cli.output import json_option, print_json, print_table
from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.settings import CommaList, Environment, Settings, preview

if TYPE_CHECKING:
    from nestegg_core.plugin_host import PluginHost, PluginStatus

_COLUMNS = ("NAME", "STATE", "KIND", "PROVIDES", "DISTRIBUTION", "VERSION", "HOOKS")


_NAMES = 10
"""Registrations of a plugin that the table names."""


class _Wanted(BaseSettings):
    """The settings that discovery needs, readable when the others are wrong."""

    plugins_disabled: CommaList = ()
    plugins_for_any_core: CommaList = ()


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


def discover(environment: Environment) -> "PluginHost":
    """Load every plugin that `PLUGINS_DISABLED` does not name, whatever the other settings are."""
    from nestegg_core.plugin_host import PluginHost

    try:
        wanted = environment.preview(_Wanted)
    except ConfigurationError:
        return PluginHost.discover(environment=environment)
    return PluginHost.discover(
        disabled=wanted.plugins_disabled,
        environment=environment,
        any_core=wanted.plugins_for_any_core,
    )


def load_both(
    host: "PluginHost", environment: Environment
) -> tuple[Settings | None, tuple[Problem, ...]]:
    """Look at the settings of core and plugins, and write nothing.

    Returns:
        the core's settings, `None` when they are not right; and all that is wrong with them and
        with what they select.
    """
    try:
        settings = preview(environment)
    except ConfigurationError as error:
        return None, host.with_own(error.problems, environment)
    try:
        host.select(settings, environment)
    except ConfigurationError as error:
        return settings, error.problems
    return settings, ()


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
