"""`nestegg user token`, `disable` and `enable`: who comes in, whoever the identity provider is."""

from collections.abc import Sequence

import click

from nestegg_core.cli.opening import opened
from nestegg_core.people.permissions import SCOPES

DEFAULT_HOURS = 1
_MAX_HOURS = 366 * 24

person_argument = click.argument("email_or_id")


@click.command(
    epilog="""\b
Examples:
  nestegg user token ada@example.org
  TOKEN=$(nestegg user token 018f2b6e-6f0a-7c3e-9c1d-2a5b7d9e4f10 --scope account:read)"""
)
@person_argument
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(sorted(SCOPES)),
    metavar="SCOPE",
    help="What the token may be used for, e.g. accounts:read; may be repeated. All by default.",
)
@click.option(
    "--hours",
    type=click.IntRange(1, _MAX_HOURS),
    default=DEFAULT_HOURS,
    show_default=True,
    help="How long it is good.",
)
@click.option("--name", default="Operator", show_default=True, help="What it is listed as.")
def token(email_or_id: str, scopes: Sequence[str], hours: int, name: str) -> None:
    """Print an access token for a user, also when nobody can sign in.

    It is good with every identity provider chain, and it can do what its scopes say and the user
    may do. Users without an email are named by the id that `nestegg user list` shows.
    """
    from datetime import timedelta

    from nestegg_core.cli.user import valid
    from nestegg_core.web.fields import Label

    name = valid(Label, name, "--name must have 1 to 100 printable characters.")
    with opened() as runtime:
        person_id = runtime.administration.find(email_or_id)
        issued = runtime.personal_tokens.issue(
            person_id, name, scopes or SCOPES, timedelta(hours=hours)
        )
    expires_at = issued.row["expires_at"].isoformat(timespec="seconds")
    click.echo(f"For user {person_id}, until {expires_at}; shown this once:", err=True)
    click.echo(issued.token)


@click.command(epilog="Example: nestegg user disable ada@example.org")
@person_argument
def disable(email_or_id: str) -> None:
    """Refuse a user from now on, whatever their token says, and sign them out everywhere."""
    _set_disabled(email_or_id, disabled=True)


@click.command(epilog="Example: nestegg user enable ada@example.org")
@person_argument
def enable(email_or_id: str) -> None:
    """Let a disabled user in again: they sign in anew, and their personal tokens are good again."""
    _set_disabled(email_or_id, disabled=False)


def _set_disabled(email_or_id: str, *, disabled: bool) -> None:
    with opened() as runtime:
        person_id = runtime.administration.find(email_or_id)
        runtime.administration.set_disabled(person_id, disabled=disabled)
    click.echo(f"User {person_id} is {'disabled' if disabled else 'enabled'}.")
