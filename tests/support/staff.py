"""Users with roles in one organization. Rows of `memberships` are written here directly."""

from dataclasses import replace
from itertools import count
from typing import Any
from uuid import UUID

from falcon.testing import TestClient
from sqlalchemy import ColumnElement, delete, insert, update

from nestegg_core.application import Runtime
from nestegg_core.database.tables import memberships, users
from support.household import PASSWORD, Household, register

_numbers = count(1)


def hire(
    runtime: Runtime,
    client: TestClient,
    owner: Household,
    role: str,
    user: Household | None = None,
) -> Household:
    """Register somebody, or take who is here, and return them at work in the owner's place."""
    user = user or register(client)
    now = runtime.clock()
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(
            insert(memberships),
            {
                "org_id": UUID(owner.org_id),
                "user_id": user_id(user),
                "role": role,
                "created_at": now,
                "updated_at": now,
                "version": 1,
            },
        )
    return at(user, owner.org_id)


def invite(owner: Household, email: str, role: str = "viewer") -> dict[str, Any]:
    """Invite an address, on a server without mail: the answer has the link."""
    made = owner.post("invitations", email=email, role=role)
    assert made.status_code == 201, made.text
    return dict(made.json)


def token_of(link: str) -> str:
    """Return what a link carries."""
    token = link.partition("#token=")[2]
    assert token
    return token


def join(owner: Household, role: str = "viewer") -> dict[str, Any]:
    """Invite somebody new, who registers with the link; return their first answer."""
    email = f"joiner{next(_numbers)}@example.org"
    token = token_of(invite(owner, email, role)["link"])
    body = {"email": email, "password": PASSWORD, "invitation": token}
    answer = owner.client.simulate_post("/api/v1/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def at(user: Household, org_id: str) -> Household:
    """Return a user whose calls go to another organization."""
    return replace(user, signed_in={**user.signed_in, "organization": {"id": org_id}})


def change_role(runtime: Runtime, member: Household, role: str) -> None:
    """Give a member another role."""
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(update(memberships).where(*_place(member)).values(role=role))


def dismiss(runtime: Runtime, member: Household) -> None:
    """Take a member out of the organization."""
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(delete(memberships).where(*_place(member)))


def disable(runtime: Runtime, user: Household) -> None:
    """Disable a user."""
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(
            update(users).where(users.c.id == user_id(user)).values(disabled_at=runtime.clock())
        )


def promote(runtime: Runtime, user: Household) -> None:
    """Make a user an administrator of the instance."""
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(update(users).where(users.c.id == user_id(user)).values(is_admin=True))


def user_id(user: Household) -> UUID:
    """Return whose household it is."""
    return UUID(user.signed_in["user"]["id"])


def _place(member: Household) -> tuple[ColumnElement[bool], ...]:
    return (
        memberships.c.org_id == UUID(member.org_id),
        memberships.c.user_id == user_id(member),
    )
