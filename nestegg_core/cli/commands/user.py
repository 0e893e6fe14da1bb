"""`nestegg user` and `nestegg permissions`: who may come in, and what each role may do."""

import secrets
import sys
from collections.abc import Sequence
from typing import Any

import click

from nestegg_core.cli.context import opened
from nestegg_core.cli.group import counted, json_option, print_json, print_table
from nestegg_core.users.roles import SCOPES


@click.command(
    epilog="""\b
Examples:
  nestegg permissions"""
)
def permissions() -> None:
    """Show what each role may do in an organization."""
    from nestegg_core.cli.group import print_table
    from nestegg_core.users.roles import PERMISSIONS, ROLES

    print_table(
        ["PERMISSION", *map(str.upper, ROLES)],
        (
            [name, *("yes" if name in held else "-" for held in ROLES.values())]
            for name in sorted(PERMISSIONS)
        ),
    )


_RANDOM_BYTES = 15

password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of the input."
)


@click.group(epilog="Example: nestegg user list")
def user() -> None:
    """Create and list users, reset their passwords, and say who may come in."""


@user.command(
    epilog="""\b
Examples:
  nestegg user create ada@example.org --name Ada --admin
  pass show nestegg | nestegg user create ada@example.org --password-stdin"""
)
@click.argument("email")
@click.option("--name", help="What to call the user.")
@click.option("--admin", is_flag=True, help="Let the user administer the instance.")
@password_option
def create(email: str, name: str | None, admin: bool, password_stdin: bool) -> None:
    """Create a user, with an organization of their own.

    Without --password-stdin the password is asked for at a terminal; elsewhere one is made and
    printed, this once.
    """
    from nestegg_core.api.fields import Email, Name

    email = valid(Email, email, "EMAIL is no email address.")
    if name is not None:
        name = valid(Name, name, "--name must have 1 to 200 printable characters.")
    password, made = _new_password(from_input=password_stdin)
    with opened() as runtime:
        new = runtime.users.register(email, password, name, is_admin=admin)
    click.echo(f"Created {email}: user {new.user_id}, organization {new.org_id}.")
    _show_made(password, made=made)


@user.command("list", epilog="Example: nestegg user list --json")
@json_option
def list_users(as_json: bool) -> None:
    """List the users, the oldest first."""
    with opened() as runtime:
        users = runtime.users.list()
    if as_json:
        print_json({"users": users})
        return
    columns = ("id", "email", "name", "is_admin", "disabled", "created_at")
    print_table(
        [column.upper() for column in columns],
        ([_cell(user[column]) for column in columns] for user in users),
    )


@user.command(epilog="Example: nestegg user reset-password ada@example.org")
@click.argument("email")
@password_option
def reset_password(email: str, password_stdin: bool) -> None:
    """Set a new password for a user, and sign them out everywhere.

    Without --password-stdin the password is asked for at a terminal; elsewhere one is made and
    printed, this once.
    """
    password, made = _new_password(from_input=password_stdin)
    with opened() as runtime:
        ended = runtime.users.reset_password(email, password)
    click.echo(
        f"{email} has a new password and is signed out everywhere: "
        f"{counted(ended.sessions, 'session')} and "
        f"{counted(ended.personal_tokens, 'personal access token')} have ended."
    )
    _show_made(password, made=made)


def valid(annotation: Any, value: str, otherwise: str) -> str:
    """Hold a value to the API's own rule for it."""
    from pydantic import TypeAdapter, ValidationError

    try:
        checked: str = TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        raise click.UsageError(otherwise) from None
    return checked


def _new_password(*, from_input: bool) -> tuple[str, bool]:
    """Return a password that is good enough, and whether it was made here."""
    from nestegg_core.api.resources.me import NewPassword
    from nestegg_core.auth.builtin.passwords import MAX_LENGTH, MIN_LENGTH

    if from_input:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        return secrets.token_urlsafe(_RANDOM_BYTES), True
    otherwise = f"The password must have {MIN_LENGTH} to {MAX_LENGTH} characters."
    return valid(NewPassword, password, otherwise), False


def _show_made(password: str, *, made: bool) -> None:
    if made:
        click.echo(f"Password, shown this once: {password}")


def _cell(value: object) -> object:
    return ("no", "yes")[value] if isinstance(value, bool) else value


DEFAULT_HOURS = 1
_MAX_HOURS = 366 * 24

user_argument = click.argument("email_or_id")


@click.command(
    epilog="""\b
Examples:
  nestegg user token ada@example.org
  TOKEN=$(nestegg user token 018f2b6e-6f0a-7c3e-9c1d-2a5b7d9e4f10 --scope account:read)"""
)
@user_argument
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

    from nestegg_core.api.fields import Label

    name = valid(Label, name, "--name must have 1 to 100 printable characters.")
    with opened() as runtime:
        user_id = runtime.administration.find(email_or_id)
        issued = runtime.personal_tokens.issue(
            user_id, name, scopes or SCOPES, timedelta(hours=hours)
        )
    expires_at = issued.row["expires_at"].isoformat(timespec="seconds")
    click.echo(f"For user {user_id}, until {expires_at}; shown this once:", err=True)
    click.echo(issued.token)


@click.command(epilog="Example: nestegg user disable ada@example.org")
@user_argument
def disable(email_or_id: str) -> None:
    """Refuse a user from now on, whatever their token says, and sign them out everywhere."""
    _set_disabled(email_or_id, disabled=True)


@click.command(epilog="Example: nestegg user enable ada@example.org")
@user_argument
def enable(email_or_id: str) -> None:
    """Let a disabled user in again: they sign in anew, and their personal tokens are good again."""
    _set_disabled(email_or_id, disabled=False)


def _set_disabled(email_or_id: str, *, disabled: bool) -> None:
    with opened() as runtime:
        user_id = runtime.administration.find(email_or_id)
        runtime.administration.set_disabled(user_id, disabled=disabled)
    click.echo(f"User {user_id} is {'disabled' if disabled else 'enabled'}.")


@click.command(epilog="Example: nestegg user reset-link ada@example.org")
@click.argument("email")
def reset_link(email: str) -> None:
    """Print a link that lets a user choose a new password: good once, for an hour.

    Hand it over in a way that nobody else can read. An older link of theirs is void.
    """
    with opened() as runtime:
        link = runtime.email_verification.reset_link(email)
    click.echo(link)


@click.command(epilog="Example: nestegg user reset-second-factor ada@example.org")
@user_argument
def reset_second_factor(email_or_id: str) -> None:
    """Take a user's second factor and recovery codes away: the password alone signs in again.

    Make sure first that it is the user who asks.
    """
    with opened() as runtime:
        user_id = runtime.administration.find(email_or_id)
        had_one = runtime.second_factors.state(user_id)["enabled"]
        runtime.second_factors.reset(user_id)
    if had_one:
        click.echo(f"User {user_id} signs in without a second factor now.")
    else:
        click.echo(f"User {user_id} had no second factor.")


for _command in (token, disable, enable, reset_link, reset_second_factor):
    user.add_command(_command)
