"""`nestegg permissions`: what each role may do."""

import click


@click.command(
    epilog="""\b
Examples:
  nestegg permissions
  nestegg permissions --page > permissions.md"""
)
@click.option("--page", is_flag=True, help="Print a page of every operation, in Markdown.")
def permissions(page: bool) -> None:
    """Show what each role may do in an organization."""
    from nestegg_core.cli.output import print_table
    from nestegg_core.users.roles import PERMISSIONS, ROLES

    if page:
        click.echo(_page(), nl=False)
        return
    print_table(
        ["PERMISSION", *map(str.upper, ROLES)],
        (
            [name, *("yes" if name in held else "-" for held in ROLES.values())]
            for name in sorted(PERMISSIONS)
        ),
    )


def _page() -> str:
    from nestegg_core.api.app import operations
    from nestegg_core.api.permission_page import permissions_page
    from nestegg_core.cli.context import started
    from nestegg_core.settings import Environment

    return permissions_page(operations(started(Environment.read())))
