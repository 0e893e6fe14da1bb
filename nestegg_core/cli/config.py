"""`nestegg config`: what is in force, and where it comes from."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from pydantic_settings import BaseSettings

from nestegg_core.cli.errors import MISCONFIGURED, show_problems
from nestegg_core.cli.output import json_option, print_json, print_table
from nestegg_core.cli.plugins import discover, load_both
from nestegg_core.cli.serve import ServerSettings
from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.settings import (
    Environment,
    Setting,
    Settings,
    describe,
    env_example,
    settings_page,
)
from nestegg_core.settings.doubts import doubts
from nestegg_core.settings.fields import fields_of

if TYPE_CHECKING:
    from nestegg_core.plugin_host import PluginHost

OF_COMPOSE = frozenset(
    {
        "NESTEGG_PACKAGES",
        "NESTEGG_PLUGINS",
        "NESTEGG_SUBNET",
        "NESTEGG_TAG",
        "POSTGRES_CLIENT",
        "SECRETS_GROUP",
    }
)
"""What `compose.yaml` alone takes from the same `.env`."""

_EPILOG = """\b
Examples:
  nestegg config
  nestegg config --example > .env.example"""


@click.command(epilog=_EPILOG)
@json_option
@click.option("--example", is_flag=True, help="Print the text of .env.example and do nothing else.")
@click.option("--page", is_flag=True, help="Print docs/settings.md and do nothing else.")
@click.pass_context
def config(ctx: click.Context, as_json: bool, example: bool, page: bool) -> None:
    """Show every setting, its value, and where it comes from. Secrets are masked.

    The exit code is 2 when something is not right; all of it is listed.
    """
    environment = Environment.read()
    host = discover(environment)
    if example:
        click.echo(env_example(sections(host)), nl=False)
        return
    if page:
        click.echo(settings_page(sections(host)), nl=False)
        return
    # Before anything is worked out from it: what is shown is what the operator wrote.
    settings = _each_once(describe(environment, [cls for _, cls in sections(host)]))
    _, problems = load_both(host, environment)
    try:
        environment.preview(ServerSettings)
    except ConfigurationError as error:
        problems += error.problems
    if as_json:
        print_json(
            {
                "settings": [asdict(setting) for setting in settings],
                "problems": [asdict(problem) for problem in problems],
                "doubts": [asdict(problem) for problem in doubts_of(environment, host)],
            }
        )
    else:
        print_table(("NAME", "VALUE", "FROM"), ((s.name, s.value, s.origin) for s in settings))
        show_problems(problems)
        if doubtful := doubts_of(environment, host):
            click.echo("\nHardly meant as it stands:", err=True)
            show_problems(doubtful)
        show_problems(host.misspelt())
    if problems:
        ctx.exit(MISCONFIGURED)


def doubts_of(environment: Environment, host: "PluginHost") -> Sequence[Problem]:
    """Return what stands in `.env` and is hardly meant."""
    if environment.dotenv is None:
        return ()
    known = {
        name
        for _, settings_class in sections(host)
        for field in fields_of(settings_class)
        for name in field.variables
    }
    return tuple(doubts(environment.dotenv, known | OF_COMPOSE))


def sections(host: "PluginHost") -> list[tuple[str, type[BaseSettings]]]:
    """Return the settings classes of the core and of every plugin, each under a heading."""
    found: dict[type[BaseSettings], str] = {Settings: "Core", ServerSettings: "Server"}
    for offer in host.offers():
        settings_class = getattr(offer.registration, "settings", None)
        if settings_class is not None:
            kind = offer.kind.label.capitalize()
            heading = f"{kind} {offer.name} ({offer.source.distribution})"
            found.setdefault(settings_class, heading)
    return [(heading, settings_class) for settings_class, heading in found.items()]


def _each_once(settings: Sequence[Setting]) -> list[Setting]:
    """Leave out what a plugin reads as well as the core."""
    found: dict[str, Setting] = {}
    for setting in settings:
        found.setdefault(setting.name, setting)
    return list(found.values())
