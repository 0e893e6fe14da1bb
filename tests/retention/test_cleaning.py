"""What expires by itself goes, and what has not expired stays."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select

from nestegg_core.application import Runtime
from nestegg_core.database.tables import (
    denied_tokens,
    idempotency_keys,
    import_rows,
    imports,
    in_org,
    invitations,
    is_tenant_table,
    one_time_links,
    personal_tokens,
    refresh_tokens,
    second_factors,
    sessions,
    users,
)
from nestegg_core.database.types import new_id
from nestegg_core.retention.engine import Retention
from nestegg_testing import MovableClock
from support.household import Household
from support.purging import engine

clock = MovableClock()
NOW = clock()
SECOND = timedelta(seconds=1)
STAMPS = {"created_at": NOW, "updated_at": NOW, "version": 1}


@pytest.fixture
def retention(fresh_runtime: Runtime) -> Retention:
    """An engine without policies, over a migrated database of the test's own."""
    fresh_runtime.storage.upgrade()
    fresh_runtime.check_keys()
    return engine(fresh_runtime.storage, {}, clock=clock)


def kept(runtime: Runtime, table: Any, org_id: UUID | None = None) -> int:
    statement = select(func.count()).select_from(table)
    if org_id is None:
        with runtime.storage.system_transaction(write=False) as tx:
            return tx.execute(statement).scalar_one()
    assert is_tenant_table(table)
    with runtime.storage.transaction(org_id, write=False) as tx:
        return tx.execute(statement.where(in_org(table))).scalar_one()


def add_session(runtime: Runtime, **ends: timedelta) -> UUID:
    """Make a session with a spent and an unspent refresh token."""
    user_id, session_id = new_id(), new_id()
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(insert(users), {"id": user_id, "is_admin": False, **STAMPS})
        session = {"id": session_id, "user_id": user_id}
        session |= {"created_at": NOW, "last_used_at": NOW, "expires_at": NOW + ends["expires"]}
        tx.execute(insert(sessions), session)
        token = {"session_id": session_id, "created_at": NOW}
        for used_at in (None, NOW + ends["used"]):
            values = {**token, "token_hash": new_id().bytes * 2, "used_at": used_at}
            tx.execute(insert(refresh_tokens), values)
    return session_id


def test_expired_sessions_go_with_their_tokens(
    fresh_runtime: Runtime, retention: Retention
) -> None:
    add_session(fresh_runtime, expires=-SECOND, used=-SECOND)
    alive = add_session(fresh_runtime, expires=SECOND, used=-SECOND)

    cleaned = retention.clean()

    assert (cleaned["sessions"], kept(fresh_runtime, refresh_tokens)) == (1, 2)
    with fresh_runtime.storage.system_transaction(write=False) as tx:
        assert list(tx.execute(select(sessions.c.id)).scalars()) == [alive]


def test_a_spent_token_is_kept_as_long_as_its_second_use_can_be_told(
    fresh_runtime: Runtime, retention: Retention
) -> None:
    month = timedelta(days=30)
    add_session(fresh_runtime, expires=SECOND, used=-month - SECOND)
    add_session(fresh_runtime, expires=SECOND, used=-month + SECOND)

    assert retention.clean()["refresh_tokens"] == 1
    assert kept(fresh_runtime, refresh_tokens) == 3


def test_denied_tokens_go_when_they_have_expired(
    fresh_runtime: Runtime, retention: Retention
) -> None:
    with fresh_runtime.storage.system_transaction(write=True) as tx:
        for number in range(1200):
            hashed = number.to_bytes(32)
            expires_at = NOW + (SECOND if number < 2 else -SECOND)
            tx.execute(insert(denied_tokens), {"token_hash": hashed, "expires_at": expires_at})

    assert retention.clean()["denied_tokens"] == 1198
    assert kept(fresh_runtime, denied_tokens) == 2


def test_personal_tokens_go_a_month_after_they_expired(
    fresh_runtime: Runtime, retention: Retention
) -> None:
    add_session(fresh_runtime, expires=SECOND, used=SECOND)
    month = timedelta(days=30)
    with fresh_runtime.storage.system_transaction(write=True) as tx:
        user_id = tx.execute(select(users.c.id)).scalar_one()
        for expired in (month + SECOND, month - SECOND, -SECOND):
            token = {"id": new_id(), "user_id": user_id, "token_hash": new_id().bytes * 2}
            stamps = {"created_at": NOW, "expires_at": NOW - expired}
            tx.execute(insert(personal_tokens), {**token, **stamps, "scopes": []})

    assert retention.clean()["personal_tokens"] == 1
    assert kept(fresh_runtime, personal_tokens) == 2


def test_a_second_factor_that_nobody_confirmed_goes_after_a_day(
    fresh_runtime: Runtime, retention: Retention
) -> None:
    with fresh_runtime.storage.system_transaction(write=True) as tx:
        for hours, confirmed_at in ((23, None), (25, None), (25, NOW)):
            user = {"id": new_id(), "is_admin": False, **STAMPS}
            tx.execute(insert(users), user)
            factor = {"created_at": NOW - timedelta(hours=hours), "confirmed_at": confirmed_at}
            tx.execute(insert(second_factors), {"user_id": user["id"], **factor})

    assert retention.clean()["second_factors"] == 1
    assert kept(fresh_runtime, second_factors) == 2


def test_idempotency_keys_go_after_a_day(
    runtime: Runtime, household: Household, stranger: Household
) -> None:
    retention = engine(runtime.storage, {}, clock=clock)
    org_id, other_id = UUID(household.org_id), UUID(stranger.org_id)
    for owner in (org_id, other_id):
        with runtime.storage.transaction(owner, write=True) as tx:
            for age in (23, 25):
                key = {"org_id": owner, "key_hash": f"{age}", "request_hash": "x"}
                created = {"created_at": NOW - timedelta(hours=age)}
                tx.execute(insert(idempotency_keys), {**key, **created})

    assert retention.clean(org_id) == {"idempotency_keys": 1, "imports": 0}

    assert (kept(runtime, idempotency_keys, org_id), kept(runtime, idempotency_keys, other_id)) == (
        1,
        2,
    )


def test_imports_that_nobody_committed_go_with_their_rows(
    runtime: Runtime, household: Household
) -> None:
    account = household.account()
    statement = b"Date,Amount,Payee\n2026-01-0%d,-1.00,Bakery\n"
    previewed = household.upload(account, statement % 1).json
    committed = household.upload(account, statement % 2).json
    household.post(f"imports/{committed['id']}/commit")
    org_id = UUID(household.org_id)

    def clean(days: int) -> int:
        at = MovableClock(runtime.clock())
        at.move(days=days)
        return engine(runtime.storage, {}, clock=at).clean(org_id)["imports"]

    assert clean(days=29) == 0
    assert household.get(f"imports/{previewed['id']}").status_code == 200
    assert clean(days=31) == 1
    assert household.get(f"imports/{previewed['id']}").status_code == 404
    assert household.get(f"imports/{committed['id']}").status_code == 200
    assert (kept(runtime, imports, org_id), kept(runtime, import_rows, org_id)) == (1, 1)


def test_links_go_when_they_have_expired_and_invitations_a_month_later(
    fresh_runtime: Runtime, retention: Retention
) -> None:
    new = fresh_runtime.users.register("ada@example.org", "correct horse battery staple")
    month = timedelta(days=30)
    with fresh_runtime.storage.system_transaction(write=True) as tx:
        for expires_at in (NOW - SECOND, NOW + SECOND):
            link = {"user_id": new.user_id, "purpose": "reset", "mailed": False}
            moments = {"created_at": NOW, "expires_at": expires_at}
            tx.execute(
                insert(one_time_links), {"token_hash": new_id().bytes * 2, **link, **moments}
            )
        for expires_at in (NOW - month - SECOND, NOW - month + SECOND):
            digests = {"email_index": new_id().bytes * 2, "token_hash": new_id().bytes * 2}
            values = {"id": new_id(), "org_id": new.org_id, "role": "viewer", **digests, **STAMPS}
            tx.execute(insert(invitations), {**values, "expires_at": expires_at})

    cleaned = retention.clean()

    assert (cleaned["one_time_links"], cleaned["invitations"]) == (1, 1)
    assert (kept(fresh_runtime, one_time_links), kept(fresh_runtime, invitations)) == (1, 1)
