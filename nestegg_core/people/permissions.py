"""The one table of permissions: what each role may do in an organization."""

READ = frozenset(
    {
        "organization:read",
        "accounts:read",
        "transactions:read",
        "categories:read",
        "imports:read",
        "reports:read",
    }
)
WRITE = frozenset({"accounts:write", "transactions:write", "categories:write", "imports:write"})

ROLES: dict[str, frozenset[str]] = {
    "viewer": READ,
    "member": READ | WRITE,
    "admin": READ | WRITE | {"members:write"},
    "owner": READ | WRITE | {"members:write", "organization:write"},
}
"""Deny by default: what is not listed for a role, the role may not do."""

PERMISSIONS = frozenset().union(*ROLES.values())
