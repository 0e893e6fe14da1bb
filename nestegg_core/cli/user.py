"""`nestegg user`: people with a password of their own (the built-in identity provider)."""

import secrets
import sys
from typing import Any

import click

from nestegg_core.cli.opening import opened
from nestegg_core.cli.output import counted, json_option, print_json, print_table
from nestegg_core.cli.user_access import disable, enable, token
from nestegg_core.cli.user_reset_link import reset_link
from nestegg_core.cli.user_second_factor import reset_second_factor

_RANDOM_BYTES = 15

password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of the input."
)


@click.group(epilog="Example: nestegg user list")
def user() -> None:
    """Create and list users, reset their passwords, and say who may come in."""


for _command in (token, disable, enable, reset_link, reset_second_factor):
    user.add_command(_command)


@user.command(
    epilog="""\b
Examples:
  nestegg user create ada@example.org --name Ada --admin
  pass show nestegg | nestegg user create ada@example.org --password-stdin"""
)
@click.argument("email")
@click.option("--name", help="What to call the person.")
@click.option("--admin", is_flag=True, help="Let the person administer the instance.")
@password_option
def create(email: str, name: str | None, admin: bool, password_stdin: bool) -> None:
    """Create a user, with an organization of their own.

    Without --password-stdin the password is asked for at a terminal; elsewhere one is made and
    printed, this once.
    """
    from nestegg_core.web.fields import Email, Name

    email = valid(Email, email, "EMAIL is no email address.")
    if name is not None:
        name = valid(Name, name, "--name must have 1 to 200 printable characters.")
    password, made = _new_password(from_input=password_stdin)
    with opened() as runtime:
        new = runtime.persons.register(email, password, name, is_admin=admin)
    click.echo(f"Created {email}: user {new.person_id}, organization {new.org_id}.")
    _show_made(password, made=made)


@user.command("list", epilog="Example: nestegg user list --json")
@json_option
def list_users(as_json: bool) -> None:
    """List the users, the oldest first."""
    with opened() as runtime:
        people = runtime.persons.list()
    if as_json:
        print_json({"users": people})
        return
    columns = ("id", "email", "name", "is_admin", "disabled", "created_at")
    print_table(
        [column.upper() for column in columns],
        ([_cell(person[column]) for column in columns] for person in people),
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
        ended = runtime.persons.reset_password(email, password)
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
    from nestegg_core.people.passwords import MAX_LENGTH, MIN_LENGTH
    from nestegg_core.web.models.people import NewPassword

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
