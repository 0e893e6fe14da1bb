"""`nestegg permissions`: what each role may do."""

import click


@click.command(
    epilog="""\b
Examples:
  nestegg permissions"""
)
def permissions() -> None:
    """Show what each role may do in an organization."""
    from nestegg_core.cli.output import print_table
    from nestegg_core.users.roles import PERMISSIONS, ROLES

    print_table(
        ["PERMISSION", *map(str.upper, ROLES)],
        (
            [name, *("yes" if name in held else "-" for held in ROLES.values())]
            for name in sorted(PERMISSIONS)
        ),
    )
