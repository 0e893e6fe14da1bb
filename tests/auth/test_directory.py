"""The directory of providers: one deadline for all, and nothing unsafe is passed on."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from time import monotonic

import pytest

from nestegg_core import AppSignIn, NotMine, Verdict
from nestegg_core.auth.chain import SignInDirectory
from nestegg_core.auth.oidc import KeyPolicy
from nestegg_core.errors import PluginFault, ProviderUnavailable
from nestegg_testing import MovableClock

GOOD = AppSignIn("https://id.example/auth", "https://id.example/token", ("web",))
QUICK = KeyPolicy(deadline=0.4)


@dataclass
class Provider:
    """Says what a function returns."""

    describe: Callable[[], AppSignIn | None]
    issuers: tuple[str, ...] = ("https://id.example",)

    def authenticate(self, _token: str) -> Verdict:
        return NotMine()


def directory(
    *says: Callable[[], AppSignIn | None],
    clock: MovableClock | None = None,
    allow_loopback_http: bool = False,
) -> SignInDirectory:
    return SignInDirectory(
        [(f"p{number}", Provider(one)) for number, one in enumerate(says)],
        registration="open",
        allow_loopback_http=allow_loopback_http,
        clock=clock or MovableClock(),
        policy=QUICK,
    )


def test_nobody_is_asked_before_the_first_question() -> None:
    asked: list[None] = []
    directory(lambda: asked.append(None))

    assert asked == []


def test_slow_providers_together_take_no_longer_than_the_deadline() -> None:
    released = Event()

    def slow() -> AppSignIn:
        released.wait(30)
        return GOOD

    listing = directory(slow, slow, slow, slow, slow, slow, lambda: GOOD)
    begun = monotonic()
    found = listing.entries()
    taken = monotonic() - begun

    assert [one.available for one in found] == [False] * 6 + [True]
    assert taken < 3 * QUICK.deadline
    released.set()


@pytest.mark.parametrize(
    "error",
    [ProviderUnavailable("away"), PluginFault("acme", "describe", "raised"), RuntimeError("bug")],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_provider_raises_it_is_listed_as_away(error: Exception) -> None:
    def failing() -> AppSignIn:
        raise error

    (entry,) = directory(failing).entries()

    assert (entry.available, entry.app_sign_in) == (False, None)


def test_one_that_failed_is_not_asked_again_within_the_cooldown() -> None:
    asked: list[None] = []

    def failing() -> AppSignIn:
        asked.append(None)
        raise ProviderUnavailable("away")

    clock = MovableClock()
    listing = directory(failing, clock=clock)
    for _ in range(5):
        listing.entries()
    assert len(asked) == 1
    clock.move(seconds=31)
    listing.entries()
    assert len(asked) == 2


@pytest.mark.parametrize(
    "endpoint",
    ["http://id.example/auth", "javascript:alert(1)", "https://", "https://u:p@id.example/", "x"],
)
def test_an_endpoint_that_is_not_https_is_not_passed_on(endpoint: str) -> None:
    for bad in (
        AppSignIn(endpoint, GOOD.token_endpoint, ()),
        AppSignIn(GOOD.authorization_endpoint, endpoint, ()),
    ):
        (entry,) = directory(lambda bad=bad: bad).entries()  # type: ignore[misc]
        assert not entry.available


@pytest.mark.parametrize("allowed", [True, False])
def test_loopback_http_is_passed_on_where_it_is_allowed(*, allowed: bool) -> None:
    local = AppSignIn("http://127.0.0.1:8080/auth", "http://127.0.0.1:8080/token", ())
    (entry,) = directory(lambda: local, allow_loopback_http=allowed).entries()

    assert entry.available is allowed


def test_one_that_does_not_say_is_there_nevertheless() -> None:
    (entry,) = directory(lambda: None).entries()

    assert (entry.available, entry.app_sign_in) == (True, None)
