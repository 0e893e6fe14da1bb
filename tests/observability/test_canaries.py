"""What users and operators entrust to the server is in no log, no report, no metric, no error.

Canaries are planted through every operation, in good requests and in bad ones, in errors that
nobody expected and in jobs; then everything that was told is searched for them. The log is at
DEBUG, where the libraries tell all they know.
"""

import io
import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest
import structlog
from falcon.testing import Result, TestClient
from pydantic_settings import BaseSettings

from nestegg_core import ErrorReporterRegistration, JobRegistration, hookimpl
from nestegg_core.api.app import create_app, operations
from nestegg_core.application import Runtime
from nestegg_core.observability.logs import configure_logging
from support.command_line import started
from support.household import PASSWORD, Household, register
from support.samples import Request, request_for
from support.serving import Serve, serving

CANARY = "quokka73"
SETTINGS = {
    "SECRET_KEY": f"{CANARY}-secret-key-of-the-server-and-long-enough",
    "METRICS_PASSWORD": f"{CANARY}-metrics",
}
TEXTS = {
    "email": f"{CANARY}@example.org",
    "password": f"{CANARY} correct horse battery staple",
    "number": f"DE89{CANARY}",
    "amount": "-731731731.73",
}
"""By field, where a plain word would not get as far. Amounts are canaries as well."""

AMOUNT = "731731731"
UNKNOWN = "unheard_of"
"""A refusal names fields that it does not know, and must not tell what was in them."""


@dataclass
class Told:
    """Everything that leaves the server beside good answers.

    Attributes:
        reports: what error reporters were handed as facts.
        refusals: answers to what was refused.
    """

    log: io.StringIO = field(default_factory=io.StringIO)
    reports: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def take(self, answer: Result) -> Result:
        if answer.status_code >= 400:
            self.refusals.append(answer.text)
        return answer

    def found(self, made: Runtime, *secrets: str) -> list[str]:
        """Return where a canary or a secret turns up, with the line."""
        places = {
            "log": self.log.getvalue(),
            "reports": "\n".join(self.reports),
            "refusals": "\n".join(self.refusals),
            "metrics": made.metrics.exposition().decode(),
        }
        return [
            f"{place}: {line}"
            for place, text in places.items()
            for line in text.splitlines()
            if any(one in line for one in (CANARY, AMOUNT, *secrets))
        ]


@pytest.fixture
def told() -> Iterator[Told]:
    """Logging as a server has it, into memory."""
    root, config = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    told = Told()
    configure_logging("json", "DEBUG")
    [handler] = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(told.log)
    yield told
    root.handlers[:], root.level = handlers, level
    structlog.configure(**config)


@pytest.fixture
def serve(fresh_variables: dict[str, str]) -> Iterator[Serve]:
    with serving({**fresh_variables, **SETTINGS}) as serve:
        yield serve


@pytest.fixture
def made(serve: Serve, told: Told) -> Runtime:
    made = serve.runtime(plugins={"observer": observer(told)})
    made.storage.upgrade()
    made.check_keys()
    return made


def observer(told: Told) -> ModuleType:
    """Return a plugin with an error reporter and a job that fails with all that it knows."""

    class Reporter:
        def report(self, _error: BaseException, facts: Mapping[str, str]) -> None:
            told.reports.append(repr(dict(facts)))

    def fail(arguments: Mapping[str, Any]) -> None:
        raise ValueError(f"cannot do {arguments}")

    @hookimpl
    def nestegg_error_reporters() -> list[ErrorReporterRegistration]:
        return [
            ErrorReporterRegistration(
                "observer", BaseSettings, lambda _: Reporter(), enabled=lambda _: True
            )
        ]

    @hookimpl
    def nestegg_jobs() -> list[JobRegistration]:
        return [JobRegistration("fails", fail)]

    module = ModuleType("observer")
    vars(module).update(nestegg_error_reporters=nestegg_error_reporters, nestegg_jobs=nestegg_jobs)
    return module


@pytest.fixture
def owner(made: Runtime) -> Household:
    return newcomer(TestClient(create_app(made)), 1)


def newcomer(client: TestClient, number: int) -> Household:
    return register(client, email=f"{CANARY}{number}@example.org", name=CANARY)


def planted(request: Request) -> Iterator[Request]:
    """Yield the request with a canary in one place after the other."""
    op = request.op
    for name in op.body.model_fields if op.body else ():
        body = {**(request.json or {}), name: TEXTS.get(name, CANARY)}
        yield Request(op, request.fields, body, request.upload, request.params, request.version)
        body = {**(request.json or {}), name: [CANARY, {UNKNOWN: CANARY}]}
        yield Request(op, request.fields, body, request.upload, request.params, request.version)
    for name in (*(op.query.model_fields if op.query else ()), UNKNOWN):
        params = {**request.params, name: CANARY}
        yield Request(op, request.fields, request.json, request.upload, params, request.version)
    for name in request.fields:
        fields = {**request.fields, name: CANARY}
        yield Request(op, fields, request.json, request.upload, request.params, request.version)
    if op.upload:
        statement = f"Date,Amount,Payee,Notes\n2026-01-01,-{AMOUNT}.73,{CANARY},{CANARY}\n{CANARY}"
        yield Request(op, request.fields, None, statement.encode(), request.params)


HEADERS: tuple[dict[str, str], ...] = (
    {"Authorization": f"Bearer {CANARY}"},
    {"Authorization": f"Bearer nep_{CANARY}"},
    {"Authorization": f"Basic {CANARY}"},
    {"Idempotency_Key": f"{CANARY} key"},
    {"If_Match": f'"{CANARY}"'},
    {"X_Request_ID": f"{CANARY} is no id"},
    {"User_Agent": CANARY, "Referer": f"https://{CANARY}.example", "Cookie": CANARY},
    {"Content_Type": f"text/{CANARY}"},
    {"Accept": CANARY, "Origin": f"https://{CANARY}.example", "Host": f"{CANARY}.example"},
)


def test_no_request_good_or_bad_leaves_a_canary(
    made: Runtime, owner: Household, told: Told
) -> None:
    walked = 0
    for number, op in enumerate(operations(made), 2):  # some of them end what a user may do
        user = newcomer(owner.client, number)
        good = request_for(op, user)
        for request in (*planted(good), good):
            told.take(request.send(user))
            walked += 1
        for headers in HEADERS:
            told.take(good.send(user, **headers))
        json, path = {"Content-Type": "application/json"}, good.path(user.org_id)
        told.take(user.call(op.method, path, body=f'{{"{CANARY}": {CANARY}', headers=json))
    for path in (f"/{CANARY}", f"/api/v1/{CANARY}?token={CANARY}", f"/docs/{CANARY}"):
        told.take(owner.client.simulate_get(path))

    assert walked > 100
    assert told.log.getvalue().count('"event": "request"') > walked
    assert len(told.refusals) > 100
    assert told.found(made, owner.token, PASSWORD) == []


SERVICES = (
    "access.organization",
    "accounts.create",
    "accounts.page",
    "transactions.page",
    "categories.page",
    "chain.identify",
    "storage.system_transaction",
)


@pytest.mark.parametrize("where", SERVICES)
def test_no_unexpected_error_leaves_a_canary(
    made: Runtime, owner: Household, told: Told, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    service, _, method = where.partition(".")
    monkeypatch.setattr(type(getattr(made, service)), method, raiser())
    statuses = {
        told.take(owner.get(path, q=CANARY)).status_code
        for path in ("accounts", "transactions", "categories")
    }
    statuses.add(
        told.take(owner.post("accounts", name=CANARY, type="cash", currency="EUR")).status_code
    )

    if 500 in statuses:
        assert told.reports
    assert told.found(made, owner.token, PASSWORD) == []


def raiser() -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        personal = f"{CANARY} in a local variable"
        try:
            raise KeyError(personal)
        except KeyError as error:
            raise RuntimeError(personal) from error

    return fail


def test_no_job_leaves_a_canary(made: Runtime, told: Told) -> None:
    made.jobs.enqueue("fails", {"payee": CANARY, "amount": AMOUNT})
    for registered in made.jobs.registered():
        if registered.name != "fails":
            made.jobs.enqueue(registered.name, {CANARY: CANARY})
            made.jobs.enqueue(registered.name)

    assert '"event": "job failed"' in told.log.getvalue()
    assert "ValueError" in told.log.getvalue()
    assert told.reports
    assert told.found(made) == []


def test_the_search_finds_what_is_there(made: Runtime, told: Told) -> None:
    structlog.get_logger("nestegg.test").debug("a leak", payee=CANARY)
    logging.getLogger("library").debug("another %s", CANARY)

    assert len(told.found(made)) == 2


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")
def test_no_malformed_request_leaves_a_canary_in_the_servers_log(
    fresh_variables: dict[str, str],
) -> None:
    variables = {**fresh_variables, **SETTINGS, "LOG_LEVEL": "DEBUG", "METRICS_PORT": "0"}
    with started("serve", "--workers", "1", variables=variables) as server:
        for raw in MALFORMED:
            send(server.address, raw)
        _, logged = server.stop()

    assert "status=400" in logged
    assert CANARY not in logged


MALFORMED = (
    f"{CANARY}\r\n\r\n",
    f"GET /{CANARY} HTTP/9.{CANARY}\r\n\r\n",
    f"GET /{CANARY} HTTP/1.1\r\n{CANARY}\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: x\r\n{CANARY}[]: {CANARY}\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: x\r\nX-Long: {CANARY * 2000}\r\n\r\n",
    f"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {CANARY}\r\n\r\n",
    f"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{CANARY}\r\n",
    f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {CANARY}\r\n\r\n",
    f"GET /{CANARY}",
)


def send(address: str, raw: str) -> None:
    """Send text to a server, and wait until it has answered or closed the connection."""
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as client:
        client.sendall(raw.encode())
        client.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while client.recv(65536):
                pass
