"""`nestegg plugins`: every installed plugin and what became of it, also when nothing can start."""

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


class _Disabled(BaseSettings):
    """The one setting that discovery needs, readable when the others are wrong."""

    plugins_disabled: CommaList = ()


@click.command(epilog="Example: nestegg plugins --json")
@json_option
@click.pass_context
def plugins(ctx: click.Context, as_json: bool) -> None:
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
    if settings is not None and problems:
        ctx.exit(WRONG)


def discover(environment: Environment) -> "PluginHost":
    """Load every plugin that `PLUGINS_DISABLED` does not name, whatever the other settings are."""
    from nestegg_core.plugin_host import PluginHost

    try:
        disabled = environment.preview(_Disabled).plugins_disabled
    except ConfigurationError:
        disabled = ()
    return PluginHost.discover(disabled=disabled, environment=environment)


def load_both(
    host: "PluginHost", environment: Environment
) -> tuple[Settings | None, tuple[Problem, ...]]:
    """Look at the settings of core and plugins, and write nothing.

    Returns:
        the core's settings, `None` when they are not right; and all that is wrong with them, or
        else with what they select.
    """
    try:
        settings = preview(environment)
    except ConfigurationError as error:
        return None, error.problems
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
                ", ".join(name for _, name in status.registrations),
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
