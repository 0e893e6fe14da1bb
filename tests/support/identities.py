"""Other providers' identities, and a provisioning that knows rules of a test's own."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from nestegg_core import Identity
from nestegg_core.application import Runtime
from nestegg_core.auth.group_roles import GroupRoles, GroupRule
from nestegg_core.auth.identity_links import IdentityLinks
from nestegg_core.auth.provisioning import Provisioning

ISSUER = "https://acme.example"
OTHER_ISSUER = "https://other.example"

_numbers = count(1)


def identity(**changed: Any) -> Identity:
    """Return another provider's identity of somebody new."""
    values = {
        "provider": "acme",
        "issuer": ISSUER,
        "subject": f"subject {next(_numbers)}",
        "expires_at": datetime(2040, 1, 1, tzinfo=UTC),
        "may_provision": True,
        **changed,
    }
    return Identity(**values)


def provisioning(runtime: Runtime, *rules: GroupRule) -> Provisioning:
    """Return one with these rules, over the runtime's database."""
    return Provisioning(
        storage=runtime.storage,
        rows=runtime.rows,
        emails=runtime.emails,
        users=runtime.users,
        group_roles=GroupRoles(rules, runtime.clock),
        clock=runtime.clock,
    )


def links(
    runtime: Runtime, *rules: GroupRule, passwords_count: bool = True, mails: bool = True
) -> IdentityLinks:
    """Return links of a server whose chain has two providers."""
    return IdentityLinks(
        storage=runtime.storage,
        rows=runtime.rows,
        group_roles=GroupRoles(rules, runtime.clock),
        providers={ISSUER: "acme", OTHER_ISSUER: "other"},
        passwords_count=passwords_count,
        proof=runtime.password_change,
        mails=mails,
        clock=runtime.clock,
    )
