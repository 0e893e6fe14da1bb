"""`nestegg db` and `nestegg check`: the schema, the roles and the data, and what is wrong there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from nestegg_core.cli.context import opened
from nestegg_core.cli.group import WRONG, Refused, counted, json_option, print_json, print_table
from nestegg_core.errors import StorageUnavailable, told

if TYPE_CHECKING:
    from nestegg_core.contracts.storage import Finding


@click.group(epilog="Example: nestegg check books")
def check() -> None:
    """Verify that the data is sound."""


@check.command(epilog="Example: nestegg check books --json")
@json_option
@click.pass_context
def books(ctx: click.Context, as_json: bool) -> None:
    """Add up every account: its balance must be its opening balance and all its transactions.

    The exit code is 1 when an account differs; each that does is listed.
    """
    from nestegg_core.ledger.balances import check_books
    from nestegg_core.ledger.money import format_amount

    with opened() as runtime:
        found = check_books(runtime.storage)
    differences = [
        {
            "organization_id": one.org_id,
            "account_id": one.account_id,
            "name": one.name,
            "currency": one.currency,
            "balance": format_amount(one.balance, one.currency),
            "expected": format_amount(one.expected, one.currency),
        }
        for one in found.differences
    ]
    if as_json:
        print_json({"accounts": found.accounts, "differences": differences})
    elif differences:
        print_table(
            ("ORGANIZATION", "ACCOUNT", "NAME", "CURRENCY", "BALANCE", "EXPECTED"),
            (tuple(one.values()) for one in differences),
        )
        click.echo(f"{counted(len(differences), 'account')} of {found.accounts} differ.")
    else:
        click.echo(f"The books balance: {counted(found.accounts, 'account')} checked.")
    if differences:
        ctx.exit(WRONG)


_EMPTY = "nothing (no migration has run)"


@click.group(epilog="Example: nestegg db upgrade")
def db() -> None:
    """Migrate the database, and check its schema and roles."""


@db.command(epilog="Example: nestegg db upgrade")
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Bring the database to REVISION, by default the newest (head).

    On PostgreSQL this connects as DATABASE_ADMIN_URL, and also makes the application's role and
    gives it its rights.
    """
    from nestegg_core.database import migrator

    if revision not in {"head", *(name for name, _ in migrator.history())}:
        raise click.UsageError("There is no such revision. `nestegg db history` lists them.")
    with opened(at_head=False) as runtime:
        runtime.storage.upgrade(revision)
        click.echo(f"The database stands at {runtime.storage.current_revision() or _EMPTY}.")


@db.command(epilog="Example: nestegg db current")
def current() -> None:
    """Tell which migration the database stands at."""
    from nestegg_core.database.migrator import head, way_to_head

    with opened(at_head=False) as runtime, _hinting():
        revision = runtime.storage.current_revision()
    mark = "head" if revision == head() else f"head is {head()}: {way_to_head(revision)}"
    click.echo(f"{revision or _EMPTY} ({mark})")


@db.command(epilog="Example: nestegg db history")
def history() -> None:
    """List the migrations that this release knows, the newest first."""
    from nestegg_core.database import migrator

    print_table(("REVISION", "WHAT IT DOES"), migrator.history())


@db.command("check", epilog="Example: nestegg db check --json")
@json_option
@click.pass_context
def check_database(ctx: click.Context, as_json: bool) -> None:
    """Look for what is wrong with the schema, the roles and the policies.

    The exit code is 1 when anything is.
    """
    with opened(at_head=False) as runtime, _hinting():
        findings = runtime.storage.check()
    if as_json:
        print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
    if findings:
        ctx.exit(WRONG)


@db.command(epilog="Example: nestegg db roles")
@click.pass_context
def roles(ctx: click.Context) -> None:
    """Make the application's role and give it its rights, as the owner (DATABASE_ADMIN_URL).

    The exit code is 1 when row-level security still does not hold it.
    """
    from nestegg_core.database import SqlStorage

    with opened(at_head=False) as runtime:
        storage = runtime.storage
        names = storage.ensure_roles() if isinstance(storage, SqlStorage) else ()
        if not names:
            raise Refused("This kind of database has no roles: there is nothing to do.")
        findings = storage.check()
    click.echo(f"The role {', '.join(names)} is there and has its rights.")
    _print(findings)
    if findings:
        ctx.exit(WRONG)


@contextmanager
def _hinting() -> Iterator[None]:
    """A new database refuses a role that `upgrade` has yet to make."""
    try:
        yield
    except StorageUnavailable as error:
        if told(error) == str(error):  # nothing better is known
            hint = "If the database is new, `nestegg db upgrade` makes the tables and the role."
            error.add_note(hint)
        raise


def _print(findings: "Sequence[Finding]") -> None:
    for finding in findings:
        click.echo(f"{finding.what}\n  Fix: {finding.fix}")
    if not findings:
        click.echo("Nothing is wrong with the database.")
