"""Personal access tokens: what they look like, what they are worth, and how they end."""

import re
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from nestegg_core import Identity, NotFound
from nestegg_core.application import Runtime
from nestegg_core.auth.builtin.personal_tokens import (
    IssuedToken,
    PersonalTokens,
    is_token,
    looks_personal,
    new_token,
)
from nestegg_core.database.locks import Quota
from nestegg_core.database.sql_storage import SqlTransaction
from nestegg_core.database.tables import personal_tokens, users
from nestegg_core.database.types import new_id
from nestegg_core.errors import (
    InsufficientScope,
    InvalidInput,
    QuotaExceeded,
    StorageUnavailable,
    Unauthenticated,
)
from nestegg_core.users.access import Caller
from nestegg_core.users.roles import INSTANCE_ADMIN, SCOPES
from nestegg_testing import MovableClock

DAY = timedelta(days=1)
_numbers = count(1)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def tokens(runtime: Runtime, clock: MovableClock) -> PersonalTokens:
    quota = Quota("MAX_PERSONAL_TOKENS_PER_USER", 5)
    return PersonalTokens(runtime.storage, runtime.rows, clock, quota)


@pytest.fixture
def user(runtime: Runtime, clock: MovableClock) -> UUID:
    """Somebody of another provider."""
    subject = f"holder {next(_numbers)}"
    return runtime.provisioning.of_identity(
        Identity(
            "acme", "https://tokens.example", subject, expires_at=clock() + DAY, may_provision=True
        )
    )


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of every statement that is run meanwhile."""
    run: list[str] = []

    def counted(name: str) -> Callable[..., Any]:
        original = getattr(SqlTransaction, name)

        def wrapper(*arguments: Any) -> Any:
            run.append(name)
            return original(*arguments)

        return wrapper

    for name in ("rows", "execute"):
        monkeypatch.setattr(SqlTransaction, name, counted(name))
    return run


def signed_in(user: UUID, scopes: frozenset[str] | None = None) -> Caller:
    return Caller(user, is_admin=False, session_id=None, token_hash=b"", scopes=scopes)


def issued(tokens: PersonalTokens, user: UUID, *scopes: str, days: float = 1) -> IssuedToken:
    return tokens.issue(user, "Script", scopes, timedelta(days=days))


def change(runtime: Runtime, user: UUID, **values: Any) -> None:
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(update(users).where(users.c.id == user).values(**values))


def test_tokens_have_one_form_that_scanners_can_look_for() -> None:
    made = {new_token() for _ in range(200)}

    assert len(made) == 200
    for token in made:
        assert re.fullmatch(r"nep_[0-9A-Za-z]{49}", token)
        assert is_token(token)
        assert looks_personal(token)


def test_a_slip_of_the_pen_is_told_from_a_token() -> None:
    token = new_token()
    for place in range(len(token)):
        other = "x" if token[place] != "x" else "y"
        assert not is_token(token[:place] + other + token[place + 1 :])
    swapped = next(i for i in range(5, 52) if token[i] != token[i + 1])
    for wrong in (
        token[:swapped] + token[swapped + 1] + token[swapped] + token[swapped + 2 :],
        token[:-1],
        token + "0",
        token + "\n",
        token.upper(),
        "",
        "nep_",
        "nep_" + 49 * "٣",
    ):
        assert not is_token(wrong)


def test_a_mistyped_token_is_refused_without_a_query(
    tokens: PersonalTokens, queries: list[str]
) -> None:
    with pytest.raises(Unauthenticated, match="mistyped"):
        tokens.verify(new_token()[:-1] + "!")

    assert queries == []


def test_a_token_speaks_for_its_user_with_its_scopes_until_it_expires(
    tokens: PersonalTokens, user: UUID, clock: MovableClock
) -> None:
    made = issued(tokens, user, "accounts:read", "account:read")
    caller, expires_at = tokens.verify(made.token)

    assert (caller.user_id, caller.is_admin, caller.session_id) == (user, False, None)
    assert caller.scopes == frozenset({"accounts:read", "account:read"})
    assert expires_at == made.row["expires_at"] == clock() + DAY

    clock.move(days=1, seconds=-1)
    tokens.verify(made.token)
    clock.move(seconds=1)
    with pytest.raises(Unauthenticated, match="expired") as refused:
        tokens.verify(made.token)
    assert refused.value.code == "invalid_token"


def test_verifying_costs_one_query(
    tokens: PersonalTokens, user: UUID, queries: list[str], clock: MovableClock
) -> None:
    made = issued(tokens, user, "accounts:read")
    tokens.verify(made.token)  # writes that it was used
    queries.clear()

    clock.move(minutes=4)
    tokens.verify(made.token)

    assert queries == ["rows"]


def test_its_use_is_written_once_in_some_minutes(
    tokens: PersonalTokens, user: UUID, clock: MovableClock
) -> None:
    made = issued(tokens, user)

    def last_used() -> Any:
        ((row,), _) = tokens.page(user, limit=1, after=None)
        return row["last_used_at"]

    assert last_used() is None
    first = clock()
    for _ in range(5):
        tokens.verify(made.token)
        assert last_used() == first
        clock.move(minutes=1)
    tokens.verify(made.token)
    assert last_used() == first + timedelta(minutes=5)


def test_a_database_that_only_reads_does_not_refuse_a_token(
    runtime: Runtime, tokens: PersonalTokens, user: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = issued(tokens, user)
    reading = runtime.storage.system_transaction

    def no_writing(*, write: bool) -> Any:
        if write:
            raise StorageUnavailable("The database is read-only.")
        return reading(write=False)

    monkeypatch.setattr(runtime.storage, "system_transaction", no_writing)

    assert tokens.verify(made.token)[0].user_id == user


def test_a_disabled_users_token_is_refused(
    runtime: Runtime, tokens: PersonalTokens, user: UUID, clock: MovableClock
) -> None:
    made = issued(tokens, user, *SCOPES)
    change(runtime, user, disabled_at=clock())

    with pytest.raises(Unauthenticated, match="disabled"):
        tokens.verify(made.token)


def test_a_revoked_token_is_unknown_and_nobody_revokes_anothers(
    tokens: PersonalTokens, user: UUID
) -> None:
    made = issued(tokens, user)
    with pytest.raises(NotFound):
        tokens.revoke(new_id(), made.row["id"])
    tokens.verify(made.token)

    tokens.revoke(user, made.row["id"])

    with pytest.raises(Unauthenticated, match="revoked"):
        tokens.verify(made.token)
    with pytest.raises(NotFound):
        tokens.revoke(user, made.row["id"])


def test_neither_a_token_nor_its_name_is_in_the_database_or_in_a_repr(
    runtime: Runtime, tokens: PersonalTokens, user: UUID
) -> None:
    made = tokens.issue(user, "My bank's script", ["accounts:read"], DAY)
    with runtime.storage.system_transaction(write=False) as tx:
        found = tx.execute(select(personal_tokens).where(personal_tokens.c.id == made.row["id"]))
        stored = repr(found.one())

    for secret in (made.token, made.token.removeprefix("nep_")):
        assert secret not in stored
        assert secret not in repr(made)
    assert "bank" not in stored


def test_pages_go_on_where_the_last_ended(tokens: PersonalTokens, user: UUID) -> None:
    ids = [issued(tokens, user).row["id"] for _ in range(3)]
    first, after = tokens.page(user, limit=2, after=None)
    second, end = tokens.page(user, limit=2, after=after)

    assert [row["id"] for row in (*first, *second)] == ids[::-1]
    assert end is None
    assert tokens.page(new_id(), limit=2, after=None) == ([], None)


def test_no_token_lives_longer_than_a_year(
    tokens: PersonalTokens, user: UUID, clock: MovableClock
) -> None:
    made = tokens.issue(user, "Script", [], timedelta(days=4_000))

    assert made.row["expires_at"] == clock() + timedelta(days=366)


def test_a_user_has_so_many_living_tokens_and_no_more(
    tokens: PersonalTokens, user: UUID, clock: MovableClock
) -> None:
    me = signed_in(user)
    for _ in range(5):
        tokens.grant(me, "Script", ["accounts:read"], DAY)
    with pytest.raises(QuotaExceeded, match="MAX_PERSONAL_TOKENS_PER_USER is 5"):
        tokens.grant(me, "Script", ["accounts:read"], DAY)

    clock.move(days=1)

    tokens.grant(me, "Script", ["accounts:read"], DAY)


def test_only_an_administrator_gives_a_token_the_instance(
    runtime: Runtime, tokens: PersonalTokens, user: UUID
) -> None:
    with pytest.raises(InvalidInput):
        tokens.grant(signed_in(user), "Script", [INSTANCE_ADMIN], DAY)
    change(runtime, user, is_admin=True)

    made = tokens.grant(signed_in(user), "Script", [INSTANCE_ADMIN], DAY)
    assert tokens.verify(made.token)[0].scopes == frozenset({INSTANCE_ADMIN})


def test_a_token_gives_no_scopes_that_it_has_not(tokens: PersonalTokens, user: UUID) -> None:
    narrow = signed_in(user, frozenset({"account:write", "accounts:read"}))
    tokens.grant(narrow, "Script", ["accounts:read"], DAY)

    with pytest.raises(InsufficientScope):
        tokens.grant(narrow, "Script", ["accounts:read", "accounts:write"], DAY)
