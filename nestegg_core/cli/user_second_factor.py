"""`nestegg user reset-second-factor`: for somebody who has lost their authenticator."""

import click

from nestegg_core.cli.opening import opened
from nestegg_core.cli.user_access import person_argument


@click.command(epilog="Example: nestegg user reset-second-factor ada@example.org")
@person_argument
def reset_second_factor(email_or_id: str) -> None:
    """Take a user's second factor and recovery codes away: the password alone signs in again.

    Make sure first that it is the user who asks.
    """
    with opened() as runtime:
        person_id = runtime.administration.find(email_or_id)
        had_one = runtime.second_factors.state(person_id)["enabled"]
        runtime.second_factors.reset(person_id)
    if had_one:
        click.echo(f"User {person_id} signs in without a second factor now.")
    else:
        click.echo(f"User {person_id} had no second factor.")
