"""The group of all commands: those of the core, and those that plugins bring."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from nestegg_core.aliases import aliases
from nestegg_core.cli.errors import Refused, readable

if TYPE_CHECKING:
    from nestegg_core.plugin_host import Offer

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
        """Name every command."""
        own = super().list_commands(ctx)
        found = _of_plugins(ctx)
        short = {full: alias for alias, full in aliases(found, own).items()}
        return sorted({*own, *(short.get(name, name) for name in found)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; one of the core before one of a plugin."""
        if own := super().get_command(ctx, cmd_name):
            return own
        found = _of_plugins(ctx)
        offer = found.get(aliases(found, ()).get(cmd_name, cmd_name))
        if offer is None:
            return None
        ctx.meta[_RUNNING] = offer.source
        command: click.Command = offer.registration.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; one of a plugin that fails ends with the plugin's name."""
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


def _of_plugins(ctx: click.Context) -> "Mapping[str, Offer]":
    if _PLUGIN_COMMANDS not in ctx.meta:
        ctx.meta[_PLUGIN_COMMANDS] = _discovered()
    found: Mapping[str, Offer] = ctx.meta[_PLUGIN_COMMANDS]
    return found


def _discovered() -> "Mapping[str, Offer]":
    from nestegg_core.cli.plugins import discover
    from nestegg_core.settings import Environment

    offers = discover(Environment.read()).offers()
    return {offer.full_name: offer for offer in offers if offer.kind.name == "command"}
