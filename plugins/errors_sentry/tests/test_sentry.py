"""What reaches Sentry, and that nothing else does."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from time import perf_counter
from typing import Any

import nestegg_errors_sentry
import pytest
from nestegg_errors_sentry import Sentry, SentrySettings, make, nestegg_error_reporters

from nestegg_core import ConfigurationError, HookContext, NestEggError
from nestegg_testing import MakeApp, MakeContext, ReportServer

CANARY = "quokka73"
FACTS = {"request_id": "r-1", "route": "/api/v1/me", "method": "GET", "release": "9.9"}


@pytest.fixture
def sentry_server() -> Iterator[ReportServer]:
    with ReportServer() as server:
        yield server


def dsn_of(server: ReportServer) -> str:
    return server.url.replace("://", "://key@") + "/1"


def event_of(body: bytes) -> dict[str, Any]:
    """Return the event of an envelope: a header, the item's header, the item."""
    header, item, event = body.splitlines()[:3]
    assert set(json.loads(header)) <= {"event_id", "sent_at", "dsn", "trace"}
    assert json.loads(item)["type"] == "event"
    return dict(json.loads(event))


def sent(server: ReportServer, error: BaseException) -> dict[str, Any]:
    Sentry(dsn_of(server), environment="test", release="1.0").report(error, FACTS)
    return event_of(server.wait())


def failed() -> BaseException:
    secret = CANARY
    try:
        try:
            raise KeyError(secret)
        except KeyError as error:
            raise NestEggError("The books do not add up.") from error
    except NestEggError as error:
        return error


def test_an_event_tells_what_failed_and_where(sentry_server: ReportServer) -> None:
    event = sent(sentry_server, failed())

    cause, error = event["exception"]["values"]
    assert (cause["type"], cause["value"]) == ("KeyError", "")
    assert (error["type"], error["value"]) == ("NestEggError", "The books do not add up.")
    [frame] = error["stacktrace"]["frames"]
    assert frame["function"] == "failed"
    assert frame["filename"].endswith("test_sentry.py")
    assert event["tags"] == {"request_id": "r-1", "route": "/api/v1/me", "method": "GET"}
    assert (event["release"], event["environment"], event["level"]) == ("9.9", "test", "error")


def test_nothing_leaves_but_what_we_send(sentry_server: ReportServer) -> None:
    event = sent(sentry_server, failed())

    allowed = {"environment", "event_id", "exception", "level", "platform", "release", "tags"}
    assert set(event) <= {*allowed, "timestamp"}
    body = sentry_server.bodies[0].decode()
    assert CANARY not in body
    assert os.uname().nodename not in body
    for value in event["exception"]["values"]:
        for frame in value["stacktrace"]["frames"]:
            assert set(frame) == {"filename", "function", "module", "lineno", "in_app"}


def test_a_silent_sentry_does_not_slow_whoever_reports(sentry_server: ReportServer) -> None:
    sentry = Sentry(dsn_of(sentry_server), environment="test")
    with sentry_server.holding():
        began = perf_counter()
        for _ in range(500):
            sentry.report(failed(), FACTS)
        taken = perf_counter() - began

    assert taken < 30  # whoever waited for the server would wait for ever


@pytest.mark.parametrize("forked", [False, True])
def test_what_is_left_is_sent_at_the_end_of_the_process(
    sentry_server: ReportServer, forked: bool
) -> None:
    script = f"""
import sys
from multiprocessing import get_context
from nestegg_errors_sentry import Sentry

def work():
    Sentry({dsn_of(sentry_server)!r}, environment="test").report(ValueError(), {{}})

if {forked}:
    process = get_context("fork").Process(target=work)
    process.start()
    process.join()
else:
    work()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)

    assert len(sentry_server.bodies) == 1


@pytest.mark.parametrize(
    "dsn", ["quokka73", "ftp://quokka73@host/1", "https://host/1", "https://quokka73@host:x/1"]
)
def test_what_is_no_dsn_is_refused_without_being_repeated(
    plugin_context: MakeContext, dsn: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        plugin_context(SentrySettings, SENTRY_DSN=dsn)

    assert "SENTRY_DSN" in str(refused.value)
    assert "KEY@HOST/PROJECT" in str(refused.value)
    assert CANARY not in str(refused.value)


def test_it_is_in_force_when_a_dsn_is_set(
    plugin_context: MakeContext, sentry_server: ReportServer
) -> None:
    [registration] = nestegg_error_reporters(HookContext(core_version="1.2"))
    off = plugin_context(SentrySettings)
    on = plugin_context(SentrySettings, SENTRY_DSN=dsn_of(sentry_server))

    assert not registration.enabled(off.settings)
    assert registration.enabled(on.settings)
    registration.factory(on).report(ValueError(), {})
    assert event_of(sentry_server.wait())["release"] == "1.2"
    with pytest.raises(LookupError):
        make(off)


def test_an_unexpected_error_of_a_request_is_found_by_its_request_id(
    make_app: MakeApp, sentry_server: ReportServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app({"errors_sentry": nestegg_errors_sentry}, {"SENTRY_DSN": dsn_of(sentry_server)})
    household = app.register()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr("nestegg_core.ledger.transactions.lock_account", fail)
    account = household.account(name=CANARY)
    answer = household.post(
        "transactions", account_id=account["id"], date="2026-03-15", amount="-1", payee=CANARY
    )

    assert answer.status_code == 500
    event = event_of(sentry_server.wait())
    assert event["tags"]["request_id"] == answer.headers["X-Request-ID"]
    assert event["tags"]["route"].endswith("/organizations/{org_id:uuid}/transactions")
    assert event["release"] == version("nestegg-core")
    assert CANARY not in sentry_server.bodies[0].decode()
