"""Provisioning: first sight, and the roles that a token's groups give and take."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update

from nestegg_core import Identity
from nestegg_core.application import Runtime
from nestegg_core.auth.builtin.sessions import deny_token
from nestegg_core.auth.group_roles import GroupRule
from nestegg_core.auth.provisioning import Provisioning
from nestegg_core.database.sql_storage import SqlStorage
from nestegg_core.database.tables import identities, memberships, users
from nestegg_core.database.types import new_id
from nestegg_core.errors import Unauthenticated
from nestegg_core.settings.types import ROLES as ROLES_OF_SETTINGS
from nestegg_core.users.roles import ROLES
from support.identities import ISSUER, OTHER_ISSUER, identity, provisioning

_numbers = count(1)


@pytest.fixture
def org_id(runtime: Runtime) -> UUID:
    """Somebody's organization, which has its owner by hand."""
    owner = runtime.provisioning.of_identity(identity(issuer="https://owners.example"))
    found: UUID = runtime.users.read(owner)["memberships"][0]["organization"]["id"]
    return found


def rule(org_id: UUID, role: str = "member", group: str = "family", issuer: str = ISSUER) -> Any:
    return GroupRule(issuer, group, role, org_id)


def membership(runtime: Runtime, user_id: UUID, org_id: UUID) -> tuple[str, str | None] | None:
    """Return role and giver."""
    with runtime.storage.system_transaction(write=False) as tx:
        found = tx.execute(
            select(memberships.c.role, memberships.c.granted_by).where(
                memberships.c.user_id == user_id, memberships.c.org_id == org_id
            )
        ).first()
    return (found.role, found.granted_by) if found else None


def give_by_hand(runtime: Runtime, user_id: UUID, org_id: UUID, role: str) -> None:
    now = runtime.clock()
    values = {"org_id": org_id, "user_id": user_id, "role": role}
    stamps = {"created_at": now, "updated_at": now, "version": 1}
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(insert(memberships), {**values, **stamps})


@contextmanager
def writes_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect the transactions that are opened for writing meanwhile."""
    opened: list[str] = []
    original = SqlStorage.system_transaction

    def watched(storage: SqlStorage, *, write: bool) -> Any:
        opened.append("write" if write else "read")
        return original(storage, write=write)

    with monkeypatch.context() as patch:
        patch.setattr(SqlStorage, "system_transaction", watched)
        yield opened


def test_an_identity_is_known_by_issuer_and_subject_and_never_by_address(
    runtime: Runtime,
) -> None:
    email = f"known{next(_numbers)}@example.net"
    first = identity(email=email, email_verified=True)
    user = runtime.provisioning.of_identity(first)

    assert runtime.provisioning.of_identity(first) == user
    renamed = identity(subject=first.subject, email="other@example.net")
    assert runtime.provisioning.of_identity(renamed) == user
    elsewhere = identity(subject=first.subject, issuer=OTHER_ISSUER, email=email)
    assert runtime.provisioning.of_identity(elsewhere) != user


def test_an_identity_without_an_address_is_a_user_with_an_organization(
    runtime: Runtime,
) -> None:
    read = runtime.users.read(runtime.provisioning.of_identity(identity()))

    assert (read["email"], read["name"], read["is_admin"]) == (None, None, False)
    assert [one["role"] for one in read["memberships"]] == ["owner"]


def test_a_provider_that_makes_no_users_knows_those_who_are_there(runtime: Runtime) -> None:
    known = identity()
    user = runtime.provisioning.of_identity(known)

    seen = identity(subject=known.subject, may_provision=False)
    assert runtime.provisioning.of_identity(seen) == user
    with pytest.raises(Unauthenticated):
        runtime.provisioning.of_identity(identity(may_provision=False))


def test_concurrent_first_sights_make_one_user_with_their_role(
    runtime: Runtime, org_id: UUID
) -> None:
    same = identity(groups=frozenset({"family"}))
    service = provisioning(runtime, rule(org_id))
    with ThreadPoolExecutor(4) as pool:
        (user,) = set(pool.map(service.of_identity, [same] * 4))

    assert membership(runtime, user, org_id) == ("member", ISSUER)


def test_groups_give_change_and_take_a_role(runtime: Runtime, org_id: UUID) -> None:
    service = provisioning(
        runtime, rule(org_id, "viewer", "guests"), rule(org_id, "admin", "parents")
    )
    subject = identity().subject

    def after(*groups: str) -> tuple[str, str | None] | None:
        user = service.of_identity(identity(subject=subject, groups=frozenset(groups)))
        return membership(runtime, user, org_id)

    assert after() is None
    assert after("guests", "gardeners") == ("viewer", ISSUER)
    assert after("guests", "parents") == ("admin", ISSUER)  # the higher one
    assert after("parents") == ("admin", ISSUER)
    assert after("guests") == ("viewer", ISSUER)
    assert after("gardeners") is None
    assert after("parents") == ("admin", ISSUER)
    assert after() is None  # as a token without any groups claim


def test_a_group_of_another_issuer_gives_nothing(runtime: Runtime, org_id: UUID) -> None:
    service = provisioning(runtime, rule(org_id, issuer=OTHER_ISSUER))
    user = service.of_identity(identity(groups=frozenset({"family"})))

    assert membership(runtime, user, org_id) is None


def test_the_same_groups_again_cost_one_read(
    runtime: Runtime, org_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = provisioning(runtime, rule(org_id))
    member = identity(groups=frozenset({"family"}))
    nobody = identity()
    for one in (member, nobody):
        service.of_identity(one)
        with writes_of(monkeypatch) as opened:
            service.of_identity(one)
        assert opened == ["read"]


def test_a_membership_that_somebody_gave_is_never_touched(runtime: Runtime, org_id: UUID) -> None:
    service = provisioning(runtime, rule(org_id, "viewer"))
    someone = identity()
    user = service.of_identity(someone)
    give_by_hand(runtime, user, org_id, "admin")

    for groups in ({"family"}, set(), {"family"}):
        service.of_identity(identity(subject=someone.subject, groups=frozenset(groups)))
        assert membership(runtime, user, org_id) == ("admin", None)
    own = runtime.users.read(user)["memberships"][0]
    assert own["role"] == "owner"


def test_what_the_operator_takes_out_of_the_rules_goes_with_the_next_token(
    runtime: Runtime, org_id: UUID
) -> None:
    member = identity(groups=frozenset({"family"}))
    user = provisioning(runtime, rule(org_id)).of_identity(member)
    assert membership(runtime, user, org_id) == ("member", ISSUER)

    provisioning(runtime).of_identity(member)

    assert membership(runtime, user, org_id) is None


def test_for_a_token_that_was_signed_out_nothing_is_written(runtime: Runtime, org_id: UUID) -> None:
    service, denied = provisioning(runtime, rule(org_id)), sha256(new_id().bytes).digest()
    with runtime.storage.system_transaction(write=True) as tx:
        deny_token(tx, denied, runtime.clock())
    someone, nobody = identity(), identity()
    user = service.of_identity(someone)
    assert service.of_identity(someone, denied) == user, "its request is refused by whom it asks"

    for seen in (identity(subject=someone.subject, groups=frozenset({"family"})), nobody):
        with pytest.raises(Unauthenticated):
            service.of_identity(seen, denied)

    assert membership(runtime, user, org_id) is None
    with pytest.raises(Unauthenticated):
        service.of_identity(replace(nobody, may_provision=False))


def test_a_rule_for_an_organization_that_is_not_there_is_logged_and_harms_nobody(
    runtime: Runtime, org_id: UUID, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = new_id()
    service = provisioning(runtime, rule(nowhere), rule(org_id))
    with caplog.at_level(logging.WARNING):
        user = service.of_identity(identity(groups=frozenset({"family"})))

    assert str(nowhere) in caplog.text
    assert membership(runtime, user, org_id) == ("member", ISSUER)
    assert membership(runtime, user, nowhere) is None


def test_the_last_owners_role_goes_with_the_group_and_the_log_says_so(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    founder = identity()
    user = runtime.provisioning.of_identity(founder)
    org_id = runtime.users.read(user)["memberships"][0]["organization"]["id"]
    service = provisioning(runtime, rule(org_id, "owner", "chiefs"))
    chief = identity(groups=frozenset({"chiefs"}))
    chief_id = service.of_identity(chief)
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(update(users).where(users.c.id == user).values(disabled_at=runtime.clock()))

    with caplog.at_level(logging.WARNING):
        service.of_identity(identity(subject=chief.subject))

    assert membership(runtime, chief_id, org_id) is None
    assert f"{org_id} has no owner left" in caplog.text
    heir = service.of_identity(identity(groups=frozenset({"chiefs"})))
    assert membership(runtime, heir, org_id) == ("owner", ISSUER)


def test_where_two_providers_give_a_role_the_other_ones_comes_once_the_first_is_gone(
    runtime: Runtime, org_id: UUID
) -> None:
    service = provisioning(
        runtime, rule(org_id, "viewer"), rule(org_id, "admin", issuer=OTHER_ISSUER)
    )
    family = frozenset({"family"})
    first = identity(groups=family)
    user = service.of_identity(first)
    second = identity(issuer=OTHER_ISSUER, groups=family)
    _link(runtime, user, second)

    service.of_identity(second)
    assert membership(runtime, user, org_id) == ("viewer", ISSUER)
    service.of_identity(identity(subject=first.subject))
    assert membership(runtime, user, org_id) is None
    service.of_identity(second)
    assert membership(runtime, user, org_id) == ("admin", OTHER_ISSUER)


def test_many_tokens_at_once_leave_what_one_of_them_gives(runtime: Runtime, org_id: UUID) -> None:
    """What is remembered of the groups and the membership agree, whoever was last."""
    services = [
        provisioning(runtime, rule(org_id, "viewer", "guests"), rule(org_id, "admin", "parents"))
        for _ in range(4)  # as many processes
    ]
    subject = identity().subject
    tokens = [
        identity(subject=subject, groups=frozenset(groups))
        for groups in (["guests"], ["parents"], [], ["guests", "parents"])
    ]
    with ThreadPoolExecutor(4) as pool:
        users = [
            pool.submit(service.of_identity, token)
            for service, token in zip(services * 4, tokens * 4, strict=True)
        ]
        (user,) = {one.result() for one in users}

    for token, expected in zip(tokens, ("viewer", "admin", None, "admin"), strict=True):
        _agrees(runtime, services[0], user, org_id, token)
        found = membership(runtime, user, org_id)
        assert (found[0] if found else None) == expected


def test_settings_know_the_roles_that_there_are() -> None:
    assert tuple(ROLES) == ROLES_OF_SETTINGS


def _agrees(
    runtime: Runtime, service: Provisioning, user: UUID, org_id: UUID, token: Identity
) -> None:
    """Check that the stored digest tells of the stored role, then send the next token."""
    with runtime.storage.system_transaction(write=False) as tx:
        digest = tx.execute(
            select(identities.c.grants_hash).where(identities.c.user_id == user)
        ).scalar_one()
    assert (digest is None) == (membership(runtime, user, org_id) is None)
    service.of_identity(token)


def _link(runtime: Runtime, user_id: UUID, one: Identity) -> None:
    values = {
        "id": new_id(),
        "user_id": user_id,
        "issuer": one.issuer,
        "subject": one.subject,
        "email": None,
        "created_at": runtime.clock(),
    }
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(insert(identities), runtime.rows.seal(identities, values))
