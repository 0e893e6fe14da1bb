"""`nestegg plugin`: for authors of plugins."""

from pathlib import Path

import click

from nestegg_core.cli.errors import Refused
from nestegg_core.scaffold.names import KINDS, InvalidName, Names, names_for

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
    from nestegg_core.plugin_host.candidates import core_version
    from nestegg_core.scaffold import write

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

    for offer in PluginHost.discover(entry_points=()).offers():
        taken = offer.kind.keys_of(offer.registration)
        if offer.kind.name.replace("_", "-") == names.kind and {names.name, names.scheme} & {
            *taken
        }:
            raise Refused(
                f"The core itself has the {names.kind} {names.name!r}. Choose another NAME."
            )
