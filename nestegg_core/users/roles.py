"""The one table of permissions: what each role may do in an organization."""

READ = frozenset(
    {
        "organization:read",
        "accounts:read",
        "transactions:read",
        "categories:read",
        "imports:read",
        "reports:read",
        "members:read",
    }
)
WRITE = frozenset({"accounts:write", "transactions:write", "categories:write", "imports:write"})

LEAVE = frozenset({"members:leave"})
"""What everyone may: take themselves out."""

ROLES: dict[str, frozenset[str]] = {
    "viewer": READ | LEAVE,
    "member": READ | LEAVE | WRITE,
    "admin": READ | LEAVE | WRITE | {"members:write"},
    "owner": READ | LEAVE | WRITE | {"members:write", "organization:write"},
}
"""Deny by default: what is not listed for a role, the role may not do. The least comes first."""

PERMISSIONS = frozenset().union(*ROLES.values())


def at_most(role: str, limit: str) -> bool:
    return ROLES[role] <= ROLES[limit]


ACCOUNT_READ = "account:read"
ACCOUNT_WRITE = "account:write"
INSTANCE_ADMIN = "instance:admin"

GRANTABLE = PERMISSIONS | {ACCOUNT_READ, INSTANCE_ADMIN}
"""Scopes that a user can give to a personal access token of theirs."""

SCOPES = GRANTABLE | {ACCOUNT_WRITE}
"""All there are. A token that manages how its user signs in, only the operator can make."""
