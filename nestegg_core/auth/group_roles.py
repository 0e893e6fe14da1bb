"""Roles from groups: what a token's groups give in which organization, and its keeping in step.

A membership that groups gave carries the provider's issuer in `granted_by`. It lives and dies with
the groups, an owner's included, even the last one's: who was taken out at the provider has to be
out here as well, and whoever joins the group next is owner then. Memberships that somebody here
gave (`granted_by` is NULL), or another provider, stay as they are.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, insert, select, update

from nestegg_core.contracts.identity import Identity
from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.tables import identities, memberships, organizations, users
from nestegg_core.users.roles import at_most

logger = logging.getLogger(__name__)

UNSYNCED = b""
"""Stands in `grants_hash` where the next token must be looked at, whatever its groups give."""

OWNER = "owner"

_M = memberships.c
Grants = Mapping[UUID, str]
"""Roles by organization."""


@dataclass(frozen=True, slots=True)
class GroupRule:
    """One entry of `IDENTITY_GROUP_ROLES`: a group of an issuer gives a role."""

    issuer: str
    group: str
    role: str
    org_id: UUID


def digest_of(grants: Grants) -> bytes | None:
    """Return what stands for grants in `grants_hash`; `None` for none at all."""
    if not grants:
        return None
    lines = sorted(f"{org_id} {role}" for org_id, role in grants.items())
    return sha256("\n".join(lines).encode()).digest()


class GroupRoles:
    def __init__(self, rules: Sequence[GroupRule], clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._rules: dict[str, dict[str, list[GroupRule]]] = defaultdict(lambda: defaultdict(list))
        for rule in rules:
            self._rules[rule.issuer][rule.group].append(rule)

    def roles_for(self, identity: Identity) -> Grants:
        """Return the roles that a token's groups give; of several in one place the highest."""
        rules = self._rules.get(identity.issuer)
        grants: dict[UUID, str] = {}
        if rules is None:
            return grants
        for group in identity.groups:
            for rule in rules.get(group, ()):
                if at_most(grants.setdefault(rule.org_id, rule.role), rule.role):
                    grants[rule.org_id] = rule.role
        return grants

    def sync(self, tx: Transaction, user_id: UUID, issuer: str, grants: Grants) -> None:
        """Make what an issuer gives a user exactly this. The caller holds `lock_identities`."""
        before = _of_issuer(tx, user_id, issuer)
        for org_id in sorted({*before, *grants}):
            tx.lock(f"members {org_id}")
        # Read again: only now does nobody here change these memberships.
        before = _of_issuer(tx, user_id, issuer)
        elsewhere = _orgs_of(tx, _M.user_id == user_id) - set(before)
        for org_id, role in _of_existing(tx, grants).items():
            if org_id in before:
                self._change(tx, user_id, org_id, before[org_id], role)
            elif org_id not in elsewhere:
                self._insert(tx, user_id, org_id, role, issuer)
        gone = set(before) - set(grants)
        for org_id in gone:
            tx.execute(delete(memberships).where(_place(user_id, org_id)))
        if gone:  # what another provider gives there could not be given while this one did
            tx.execute(
                update(identities)
                .where(identities.c.user_id == user_id, identities.c.issuer != issuer)
                .values(grants_hash=UNSYNCED)
            )
        owned = {org_id for org_id, role in before.items() if role == OWNER}
        _tell_ownerless(tx, [org_id for org_id in owned if grants.get(org_id) != OWNER])

    def _change(self, tx: Transaction, user_id: UUID, org_id: UUID, old: str, new: str) -> None:
        if new == old:
            return
        tx.execute(
            update(memberships)
            .where(_place(user_id, org_id))
            .values(role=new, version=_M.version + 1, updated_at=self._clock())
        )

    def _insert(self, tx: Transaction, user_id: UUID, org_id: UUID, role: str, issuer: str) -> None:
        now = self._clock()
        place = {"org_id": org_id, "user_id": user_id, "role": role, "granted_by": issuer}
        tx.execute(
            insert(memberships), {**place, "created_at": now, "updated_at": now, "version": 1}
        )


def lock_identities(tx: Transaction, user_id: UUID) -> None:
    """Wait until nobody else changes what other providers' identities mean for a user."""
    tx.lock(f"identities {user_id}")


def _of_issuer(tx: Transaction, user_id: UUID, issuer: str) -> dict[UUID, str]:
    found = tx.execute(
        select(_M.org_id, _M.role).where(_M.user_id == user_id, _M.granted_by == issuer)
    )
    return {row.org_id: row.role for row in found}


def _orgs_of(tx: Transaction, condition: Any) -> set[UUID]:
    return set(tx.execute(select(_M.org_id).where(condition)).scalars())


def _of_existing(tx: Transaction, grants: Grants) -> Grants:
    known = set(
        tx.execute(select(organizations.c.id).where(organizations.c.id.in_(list(grants)))).scalars()
    )
    for org_id in set(grants) - known:
        logger.warning("IDENTITY_GROUP_ROLES names an organization that is not here: %s", org_id)
    return {org_id: role for org_id, role in grants.items() if org_id in known}


def _place(user_id: UUID, org_id: UUID) -> Any:
    return and_(_M.org_id == org_id, _M.user_id == user_id)


def _tell_ownerless(tx: Transaction, org_ids: Sequence[UUID]) -> None:
    for org_id in org_ids:
        owner = tx.execute(
            select(_M.user_id)
            .join(users, users.c.id == _M.user_id)
            .where(_M.org_id == org_id, _M.role == OWNER, users.c.disabled_at.is_(None))
            .limit(1)
        ).first()
        if owner is None:
            logger.warning(
                "organization %s has no owner left: the groups of the last one's provider make "
                "them none any more; put somebody into a group that makes an owner there "
                "(IDENTITY_GROUP_ROLES)",
                org_id,
            )
