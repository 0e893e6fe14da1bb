"""`nestegg retention`: what the retention policies let expire, and what they have deleted."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from nestegg_core.cli.context import opened
from nestegg_core.cli.group import WRONG, counted, json_option, print_json, print_table

if TYPE_CHECKING:
    from nestegg_core.contracts.storage import Storage
    from nestegg_core.retention.receipts import Counts, Receipts

_PAGE = 200

_org = click.option("--org", "org_id", type=click.UUID, help="Only this organization.")


@click.group(epilog="Example: nestegg retention preview")
def retention() -> None:
    """Delete what has had its time, and show what was deleted."""


@retention.command(epilog="Example: nestegg retention preview --json")
@_org
@json_option
@click.pass_context
def preview(ctx: click.Context, org_id: UUID | None, as_json: bool) -> None:
    """Show what a live run would delete today, and change nothing.

    The exit code is 1 when a policy failed; its organization would be left alone.
    """
    with opened() as runtime:
        counts = runtime.retention.preview(org_id)
    _show(counts, as_json)
    _end(ctx, counts)


@retention.command(
    epilog="""\b
Examples:
  nestegg retention run
  nestegg retention run --live"""
)
@click.option("--live", is_flag=True, help="Delete. Without it, this is a dry run.")
@click.option(
    "--accept-clock",
    is_flag=True,
    help="Take this machine's clock for right, though it has jumped or others differ.",
)
@_org
@json_option
@click.pass_context
def run(
    ctx: click.Context, live: bool, accept_clock: bool, org_id: UUID | None, as_json: bool
) -> None:
    """Do now what is done daily at 03:30 UTC: log what has had its time, or delete it.

    Whether rows are deleted, here --live alone decides; DATA_RETENTION_DRY_RUN is for the daily
    run. A live run also cleans what has expired by itself, such as sessions. It can be stopped at
    any time: the next goes on where it ended. It is refused where this machine's clock differs by
    more than a day from the database's, or has jumped since the last live run. The exit code is 1
    when something was left alone.
    """
    with opened() as runtime:
        total = runtime.retention.preview(org_id).transactions if live and _at_terminal() else 0
        with _progress(total) as on_progress:
            counts = runtime.retention.run(
                live=live,
                started_by="command",
                org_id=org_id,
                accept_clock=accept_clock,
                on_progress=on_progress,
            )
        cleaned = runtime.retention.clean(org_id) if live else {}
    _show(counts, as_json, cleaned)
    _end(ctx, counts)


@retention.command(epilog="Example: nestegg retention history --json")
@_org
@json_option
def history(org_id: UUID | None, as_json: bool) -> None:
    """Show the receipts: what live runs have deleted, newest first in each organization."""
    with opened() as runtime:
        org_ids = runtime.retention.organizations(org_id)
        found = [(one, list(_receipts(runtime.storage, runtime.receipts, one))) for one in org_ids]
    receipts = [{"organization_id": one, **item} for one, items in found for item in items]
    if as_json:
        print_json({"receipts": receipts})
        return
    print_table(
        (
            "ORGANIZATION",
            "WHEN",
            "STARTED BY",
            "ACCOUNT",
            "OLDER THAN",
            "POLICIES",
            "TRANSACTIONS",
            "AMOUNT",
            "CURRENCY",
        ),
        (
            (
                one["organization_id"],
                f"{one['started_at']:%Y-%m-%d %H:%M} UTC",
                one["started_by"],
                account["account_id"],
                account["before"],
                ", ".join(account["policies"]),
                account["transactions"],
                account["amount"],
                account["currency"],
            )
            for one in receipts
            for account in one["accounts"]
        ),
    )


def _receipts(storage: "Storage", receipts: "Receipts", org_id: UUID) -> Iterator[dict[str, Any]]:
    after: tuple[Any, ...] | None = None
    while True:
        with storage.transaction(org_id, write=False) as tx:
            items, after = receipts.page(tx, limit=_PAGE, after=after)
        yield from items
        if after is None:
            return


def _at_terminal() -> bool:
    return sys.stderr.isatty()


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    if total == 0:
        yield lambda _: None
        return
    with click.progressbar(length=total, label="Deleting transactions", file=sys.stderr) as bar:
        yield bar.update


def _show(counts: "Counts", as_json: bool, cleaned: Any = None) -> None:
    if as_json:
        print_json(_as_document(counts, cleaned))
        return
    rows = [
        (
            one.org_id,
            account.account_id,
            account.cutoff.before,
            ", ".join(account.cutoff.policies),
            account.transactions,
            account.held,
            _amount(account),
            account.currency,
        )
        for one in counts.organizations
        for account in one.accounts
        if account.transactions or account.held
    ]
    if rows:
        print_table(
            (
                "ORGANIZATION",
                "ACCOUNT",
                "OLDER THAN",
                "POLICIES",
                "TRANSACTIONS",
                "HELD",
                "AMOUNT",
                "CURRENCY",
            ),
            rows,
        )
    for one in counts.organizations:
        for reason in one.reasons:
            click.echo(f"Everything of organization {one.org_id} is held: {reason}")
    number = counted(counts.transactions, "transaction")
    click.echo(f"Deleted {number}." if counts.live else f"A live run would delete {number}.")
    if not any(one.days for one in counts.organizations):
        click.echo("No retention policy lets anything expire: DATA_RETENTION_DAYS sets an age.")


def _as_document(counts: "Counts", cleaned: Any) -> dict[str, Any]:
    return {
        "day": counts.day,
        "live": counts.live,
        "transactions": counts.transactions,
        "organizations": [
            {
                "organization_id": one.org_id,
                "transactions": one.transactions,
                "held_because": list(one.reasons),
                "accounts": [
                    {
                        "account_id": account.account_id,
                        "currency": account.currency,
                        **asdict(account.cutoff),
                        "transactions": account.transactions,
                        "amount": _amount(account),
                        "held": account.held,
                    }
                    for account in one.accounts
                ],
            }
            for one in counts.organizations
        ],
        "failures": [
            {"organization_id": org_id, "what": str(error)} for org_id, error in counts.failures
        ],
        **({"cleaned": dict(cleaned)} if cleaned else {}),
    }


def _amount(account: Any) -> str:
    from nestegg_core.ledger.money import format_amount

    return format_amount(account.amount, account.currency)


def _end(ctx: click.Context, counts: "Counts") -> None:
    for org_id, error in counts.failures:
        click.echo(f"Organization {org_id} was left alone: {error}", err=True)
    if counts.failures:
        ctx.exit(WRONG)
