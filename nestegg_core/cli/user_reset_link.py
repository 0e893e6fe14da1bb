"""`nestegg user reset-link`: for somebody who has lost a password, and gets no mail."""

import click

from nestegg_core.cli.opening import opened


@click.command(epilog="Example: nestegg user reset-link ada@example.org")
@click.argument("email")
def reset_link(email: str) -> None:
    """Print a link that lets a user choose a new password: good once, for an hour.

    Hand it over in a way that nobody else can read. An older link of theirs is void.
    """
    with opened() as runtime:
        link = runtime.own_addresses.reset_link(email)
    click.echo(link)
