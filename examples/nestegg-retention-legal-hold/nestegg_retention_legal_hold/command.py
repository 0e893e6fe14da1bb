"""`nestegg legal-hold`."""

from collections.abc import Callable

import click

from nestegg_retention_legal_hold.settings import LegalHoldSettings


def legal_hold_command(load: Callable[[], LegalHoldSettings]) -> click.Group:
    """Return the command group; the settings are read when a command runs."""

    @click.group("legal-hold", epilog="Example: nestegg legal-hold list")
    def group() -> None:
        """Show what is under a legal hold."""

    @group.command("list", epilog="Example: nestegg legal-hold list")
    def list_held() -> None:
        """List the organizations whose records must stay, one id a line."""
        for org_id in sorted(load().held):
            click.echo(org_id)

    return group
