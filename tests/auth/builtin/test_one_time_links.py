"""One-time links: one purpose, one user, once, and for a while."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from falcon.testing import TestClient
from sqlalchemy import select

from nestegg_core.application import Runtime
from nestegg_core.auth.builtin.email_verification import LIFETIMES, OneTimeLinks, Purpose
from nestegg_core.database.tables import one_time_links
from nestegg_core.errors import InvalidInput
from nestegg_testing import MovableClock
from support.newcomers import newcomer
from support.staff import user_id

PURPOSES: tuple[Purpose, ...] = ("reset", "verify_email")


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def links(clock: MovableClock) -> OneTimeLinks:
    return OneTimeLinks(clock)


@pytest.fixture
def user(runtime: Runtime, client: TestClient) -> UUID:
    return user_id(newcomer(runtime, client))


@pytest.fixture
def make(runtime: Runtime, links: OneTimeLinks, user: UUID) -> Callable[..., str]:
    def made(purpose: Purpose = "reset", *, mailed: bool = False) -> str:
        with runtime.storage.system_transaction(write=True) as tx:
            return links.make(tx, user, purpose, mailed=mailed)

    return made


def good(runtime: Runtime, links: OneTimeLinks, token: str, purpose: Purpose = "reset") -> bool:
    try:
        with runtime.storage.system_transaction(write=True) as tx:
            links.consume(tx, token, purpose)
    except InvalidInput:
        return False
    return True


@pytest.mark.parametrize("mailed", [True, False])
def test_a_link_stands_for_its_user_and_its_way(
    runtime: Runtime,
    links: OneTimeLinks,
    user: UUID,
    make: Callable[..., str],
    mailed: bool,
) -> None:
    token = make(mailed=mailed)
    with runtime.storage.system_transaction(write=True) as tx:
        found, spent = links.find(tx, token, "reset"), links.consume(tx, token, "reset")

    assert found == spent
    assert (spent.user_id, spent.mailed) == (user, mailed)
    assert not good(runtime, links, token), "it is good once"


def test_of_many_at_once_one_is_let_through(
    runtime: Runtime, links: OneTimeLinks, make: Callable[..., str]
) -> None:
    token = make()
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: good(runtime, links, token), range(4)))

    assert sorted(outcomes) == [False, False, False, True]


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_link_is_good_until_its_time_and_no_longer(
    runtime: Runtime,
    links: OneTimeLinks,
    clock: MovableClock,
    make: Callable[..., str],
    purpose: Purpose,
) -> None:
    second = timedelta(seconds=1)
    token = make(purpose)
    clock.move(seconds=(LIFETIMES[purpose] - second).total_seconds())
    with runtime.storage.system_transaction(write=False) as tx:
        links.find(tx, token, purpose)
    clock.move(seconds=1)

    assert not good(runtime, links, token, purpose)


def test_a_link_is_for_one_purpose(
    runtime: Runtime, links: OneTimeLinks, make: Callable[..., str]
) -> None:
    token = make("verify_email")

    assert not good(runtime, links, token, "reset")
    assert good(runtime, links, token, "verify_email")


def test_a_new_link_replaces_the_older_of_its_purpose_alone(
    runtime: Runtime, links: OneTimeLinks, make: Callable[..., str]
) -> None:
    older, proof, newer = make(), make("verify_email"), make()

    assert not good(runtime, links, older)
    assert good(runtime, links, newer)
    assert good(runtime, links, proof, "verify_email")


def test_many_made_at_once_leave_one_that_is_good(
    runtime: Runtime, links: OneTimeLinks, make: Callable[..., str]
) -> None:
    with ThreadPoolExecutor(4) as pool:
        tokens = list(pool.map(lambda _: make(), range(4)))

    assert sum(good(runtime, links, token) for token in tokens) == 1


@pytest.mark.parametrize("token", ["", "x", "0" * 43, "é", "\x00"])
def test_what_is_no_link_is_refused_as_any_other(
    runtime: Runtime, links: OneTimeLinks, token: str
) -> None:
    with (
        pytest.raises(InvalidInput) as caught,
        runtime.storage.system_transaction(write=False) as tx,
    ):
        links.find(tx, token, "reset")

    assert [one.pointer for one in caught.value.problems] == ["/token"]


def test_the_database_does_not_hold_the_token(
    runtime: Runtime, user: UUID, make: Callable[..., str]
) -> None:
    token = make()
    with runtime.storage.system_transaction(write=False) as tx:
        own = select(one_time_links).where(one_time_links.c.user_id == user)
        stored = repr(tx.execute(own).all())

    assert len(token) == 43, "256 bits"
    assert token not in stored
