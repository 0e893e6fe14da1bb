"""Tries are counted in Redis or in the process, and never left uncounted."""

from collections.abc import Iterator

import pytest
import structlog

from nestegg_core import rate_limits
from nestegg_core.encryption.blind_index import BlindIndex
from nestegg_core.errors import TooManyRequests
from nestegg_core.rate_limits import RULES, RateLimits
from support.redis import RedisServer, running_redis

SMALL = {"greeting": "2 per 1 hour", "parting": "1 per 1 hour"}
MINUTES, HOUR, DAY = 15 * 60, 60 * 60, 24 * 60 * 60
DECIDED = {
    "sign-in to an account from an address": (10, MINUTES),
    "sign-in from an address": (100, MINUTES),
    "sign-in to an account": (50, HOUR),
    "code for an account": (30, DAY),
    "proof by a user": (10, MINUTES),
    "emails found taken from an address": (20, HOUR),
    "reset links from an address": (20, HOUR),
    "reset links of an account": (3, HOUR),
    "verification mails of a user": (5, HOUR),
    "invitations of an organization": (50, HOUR),
    "invitations of a user": (50, HOUR),
    "registrations from an address": (20, HOUR),
    "invitations from an address": (50, HOUR),
}
"""Tries and seconds that were decided on: who changes a rule says so here as well."""

EMAIL, ADDRESS = "ada@example.org", "192.0.2.7"


def limits(redis_url: str | None = None) -> RateLimits:
    return RateLimits(BlindIndex(lambda: bytes(32)), redis_url, SMALL)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis("--save", "") as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
def limited(request: pytest.FixtureRequest) -> RateLimits:
    if request.param == "memory":
        return limits()
    server: RedisServer = request.getfixturevalue("redis")
    with server.client() as client:
        client.flushall()
    return limits(server.url)


def test_tries_beyond_the_rule_are_refused_with_the_time_to_wait(limited: RateLimits) -> None:
    limited.hit("greeting", EMAIL)
    limited.hit("greeting", EMAIL)

    for _ in range(2):
        with pytest.raises(TooManyRequests) as refused:
            limited.hit("greeting", EMAIL)
        assert 3590 <= refused.value.retry_after <= 3600
        assert EMAIL not in str(refused.value)


def test_rules_and_keys_are_counted_apart(limited: RateLimits) -> None:
    limited.hit("parting", EMAIL, ADDRESS)
    limited.hit("greeting", EMAIL, ADDRESS)
    limited.hit("parting", EMAIL)
    limited.hit("parting", ADDRESS)

    with pytest.raises(TooManyRequests):
        limited.hit("parting", EMAIL, ADDRESS)


def test_what_is_only_required_is_not_counted(limited: RateLimits) -> None:
    for _ in range(3):
        limited.require("parting", EMAIL)
    limited.hit("parting", EMAIL)

    for _ in range(2):
        with pytest.raises(TooManyRequests) as refused:
            limited.require("parting", EMAIL)
        assert 3590 <= refused.value.retry_after <= 3600
    limited.require("parting", ADDRESS)


def test_what_is_forgotten_begins_anew(limited: RateLimits) -> None:
    limited.hit("parting", EMAIL)
    limited.forget("parting", EMAIL)
    limited.hit("parting", EMAIL)

    with pytest.raises(TooManyRequests):
        limited.hit("parting", EMAIL)


def test_a_rule_that_is_not_there_is_an_error(limited: RateLimits) -> None:
    with pytest.raises(KeyError):
        limited.hit("unheard of", EMAIL)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_of_the_server_lets_as_many_through_as_it_should(rule: str) -> None:
    tries, seconds = DECIDED[rule]
    ours = RateLimits(BlindIndex(lambda: bytes(32)))
    for _ in range(tries):
        ours.hit(rule, EMAIL)

    with pytest.raises(TooManyRequests) as refused:
        ours.hit(rule, EMAIL)
    assert seconds - 10 <= refused.value.retry_after <= seconds


def test_processes_count_together_and_redis_sees_no_email_or_address(redis: RedisServer) -> None:
    with redis.client() as client:
        client.flushall()
        limits(redis.url).hit("parting", EMAIL, ADDRESS)

        with pytest.raises(TooManyRequests):
            limits(redis.url).hit("parting", EMAIL, ADDRESS)

        (key,) = client.keys()
        seen = f"{key} {client.lrange(key, 0, -1)}"
        assert key.startswith(b"nestegg:limits:")
        assert 3500 < client.ttl(key) <= 3600
    assert "ada" not in seen
    assert ADDRESS not in seen


def test_while_redis_is_down_the_process_counts_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running_redis("--save", "") as server:
        monkeypatch.setattr(rate_limits, "_PAUSE_SECONDS", 0.0)
        limited = limits(server.url)
        limited.hit("greeting", EMAIL)
        server.stop()

        with structlog.testing.capture_logs() as logs:
            limited.hit("greeting", EMAIL)
            limited.hit("greeting", EMAIL)
            with pytest.raises(TooManyRequests):
                limited.hit("greeting", EMAIL)
        assert [(log["log_level"], log["error"]) for log in logs] == [
            ("warning", "ConnectionError")
        ]
        assert EMAIL not in str(logs)

        server.start()
        with structlog.testing.capture_logs() as logs:
            limited.hit("greeting", EMAIL)  # Redis has forgotten its count: it kept no data
        assert [log["log_level"] for log in logs] == ["info"]


def test_a_redis_that_has_failed_is_left_alone_for_a_while() -> None:
    with running_redis("--save", "") as server:
        limited = limits(server.url)
        server.stop()
        limited.hit("parting", EMAIL)
        server.start()

        with pytest.raises(TooManyRequests):
            limited.hit("parting", EMAIL)
        with server.client() as client:
            assert client.keys() == []
