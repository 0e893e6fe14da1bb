"""Whether row-level security really holds the application's role."""

from collections.abc import Sequence

from psycopg import sql
from sqlalchemy import text

from nestegg_core import Finding, Transaction
from nestegg_core.database import is_tenant_table, metadata

_ROLE = text(
    "SELECT current_user AS name, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
)
_TABLES = text(
    """
    SELECT c.relname, c.relrowsecurity, pg_has_role(current_user, c.relowner, 'USAGE') AS owned,
           EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid) AS has_policy
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
    """
)
_SEPARATE = (
    "connect the application as a role of its own: set DATABASE_ADMIN_URL to the owner's URL and "
    "DATABASE_URL to one with the user nestegg_app, then run: nestegg db roles"
)


def check_roles(transaction: Transaction) -> Sequence[Finding]:
    """Return one finding for each way around the policies."""
    role = transaction.execute(_ROLE).one()
    tables = {row.relname: row for row in transaction.execute(_TABLES)}
    findings = []
    if role.rolsuper:
        findings.append(
            Finding(f"Row-level security does not hold {role.name}: it is a superuser", _SEPARATE)
        )
    elif role.rolbypassrls:
        findings.append(
            Finding(
                f"Row-level security does not hold {role.name}: it has BYPASSRLS",
                f"ALTER ROLE {sql.Identifier(role.name).as_string(None)} NOBYPASSRLS",
            )
        )
    ours = [table.name for table in metadata.sorted_tables if is_tenant_table(table)]
    owned = [name for name in ours if name in tables and tables[name].owned]
    if owned and not role.rolsuper:
        findings.append(
            Finding(
                f"Row-level security does not hold {role.name}: it owns {', '.join(owned)}",
                _SEPARATE,
            )
        )
    findings += [
        Finding(
            f"Table {name} is not protected by row-level security",
            f"as the owner: ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, with the policy of the "
            "first migration",
        )
        for name in ours
        if name in tables and not (tables[name].relrowsecurity and tables[name].has_policy)
    ]
    return findings
