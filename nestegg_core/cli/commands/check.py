"""`nestegg check`: proofs that the data is sound."""

import click

from nestegg_core.cli.context import opened
from nestegg_core.cli.group import WRONG
from nestegg_core.cli.output import counted, json_option, print_json, print_table


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
