"""`nestegg config`: what is in force, and where it comes from."""

from collections.abc import Sequence
from dataclasses import asdict

import click

from nestegg_core.cli.group import (
    MISCONFIGURED,
    json_option,
    print_json,
    print_table,
    show_problems,
)
from nestegg_core.cli.inspection import discover, doubts_of, load_both, sections
from nestegg_core.errors import ConfigurationError
from nestegg_core.server.listening import ServerSettings
from nestegg_core.settings import (
    Environment,
    Setting,
    describe,
    env_example,
)

_EPILOG = """\b
Examples:
  nestegg config
  nestegg config --example > .env.example"""


@click.command(epilog=_EPILOG)
@json_option
@click.option("--example", is_flag=True, help="Print the text of .env.example and do nothing else.")
@click.pass_context
def config(ctx: click.Context, as_json: bool, example: bool) -> None:
    """Show every setting, its value, and where it comes from. Secrets are masked.

    The exit code is 2 when something is not right; all of it is listed.
    """
    environment = Environment.read()
    host = discover(environment)
    if example:
        click.echo(env_example(sections(host)), nl=False)
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


def _each_once(settings: Sequence[Setting]) -> list[Setting]:
    """Leave out what a plugin reads as well as the core."""
    found: dict[str, Setting] = {}
    for setting in settings:
        found.setdefault(setting.name, setting)
    return list(found.values())
