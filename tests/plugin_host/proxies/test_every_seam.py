"""At every seam: what is no `Exception` is contained, and what would never run is told."""

import threading
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from types import ModuleType, SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner
from pydantic import BaseModel, field_validator
from pydantic_settings import BaseSettings

from nestegg_core import (
    CommandRegistration,
    ConfigurationError,
    EncryptionBackendRegistration,
    ErrorReporterRegistration,
    Finding,
    HealthCheckRegistration,
    IdentityProviderRegistration,
    JobRegistration,
    MetricsExporterRegistration,
    RetentionPolicyRegistration,
    Route,
    Statement,
    StatementImporterRegistration,
    StatementRow,
    foreign,
    hookimpl,
)
from nestegg_core.cli.group import NestEgg
from nestegg_core.plugin_host import PluginHost
from nestegg_testing import MakeApp


class Panic(BaseException):
    """As asyncio's CancelledError, gevent's Timeout and pyo3's PanicException are."""


class NoSettings(BaseSettings):
    pass


class Answer(BaseModel):
    n: int = 1


class Fragile(BaseModel):
    n: int = 1

    @field_validator("n")
    @classmethod
    def check(cls, value: int) -> int:
        raise Panic(value)


def panic(*_: Any, **__: Any) -> Any:
    raise Panic("s3cr3t")


def interrupt(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


async def _never(*_: Any, **__: Any) -> Any:
    raise AssertionError("it ran")


never: Any = _never


def yields(*_: Any, **__: Any) -> Any:
    yield


def later(*_: Any) -> Any:
    """Nothing tells that it answers a coroutine."""
    return never()


def later_yields(*_: Any) -> Any:
    return yields()


def plugin(**hooks: Any) -> dict[str, object]:
    acme = ModuleType("acme")
    for name, registrations in hooks.items():
        setattr(acme, f"nestegg_{name}", hookimpl(lambda found=registrations: found))
    return {"acme": acme}


def made(**methods: Any) -> Any:
    return lambda _: SimpleNamespace(**methods)


def route(handler: Any = lambda _: Answer(), body: Any = None) -> Route:
    return Route("POST" if body else "GET", "/it", "accounts:read", body, Answer, handler, "x")


def url(user: Any) -> str:
    return f"/api/v1/x/acme/organizations/{user.org_id}/it"


@pytest.mark.parametrize("error", [panic, interrupt, never, yields])
def test_a_route(make_app: MakeApp, error: Any) -> None:
    handler = {never: later, yields: later_yields}.get(error, error)
    user = make_app(plugin(routes=[route(handler)])).register()
    apart = error is interrupt  # a request has a thread of its own
    answer = elsewhere(lambda: user.get(url(user))) if apart else user.get(url(user))
    assert (answer.status_code, answer.json["type"].rpartition(":")[2]) == (500, "plugin-fault")
    assert "s3cr3t" not in answer.text


def elsewhere(call: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join()
    return found[0]


def test_the_models_of_a_route(make_app: MakeApp) -> None:
    user = make_app(plugin(routes=[route(body=Fragile)])).register()
    assert user.call("POST", url(user), json={"n": 2}).status_code == 500


def test_an_importer(make_app: MakeApp) -> None:
    factory = made(recognises=panic, read=panic)
    registration = StatementImporterRegistration("acme", NoSettings, factory, {})
    user = make_app(plugin(statement_importers=[registration])).register()
    answer = user.upload(user.account(), b"a,b\n")
    assert answer.status_code == 422
    assert user.get("accounts").status_code == 200


def test_a_metrics_exporter(make_app: MakeApp) -> None:
    factory = made(count=panic, observe=panic, gauge=never)
    registration = MetricsExporterRegistration("acme", NoSettings, factory)
    with pytest.raises(ConfigurationError, match="`gauge` of 'acme' would never run"):
        make_app(plugin(metrics_exporters=[registration]), {"METRICS_EXPORTERS": "acme"})
    factory = made(count=panic, observe=panic, gauge=later)
    registration = MetricsExporterRegistration("acme", NoSettings, factory)
    app = make_app(plugin(metrics_exporters=[registration]), {"METRICS_EXPORTERS": "acme"})
    app.runtime.metrics.gauge("jobs_waiting", {"queue": "default"}, 1)
    assert app.client.simulate_get("/livez").status_code == 200


def test_an_error_reporter(make_app: MakeApp) -> None:
    registration = ErrorReporterRegistration("acme", NoSettings, made(report=panic), bool)
    app = make_app(plugin(error_reporters=[registration]))
    app.runtime.faults.report(ValueError(), {})


def test_a_health_check(make_app: MakeApp) -> None:
    class Lazy(list[Any]):
        def __iter__(self) -> Any:
            raise Panic

    checks = [
        HealthCheckRegistration("one", panic),
        HealthCheckRegistration("two", lambda: Lazy([1])),
        HealthCheckRegistration("three", later),
    ]
    ready = make_app(plugin(health_checks=checks)).client.simulate_get("/readyz")
    assert ready.status_code == 503
    assert ready.json["checks"]["acme.one"] == "failed: Panic"
    assert ready.json["checks"]["acme.two"] == "failed: Panic"
    assert ready.json["checks"]["acme.three"].startswith("failed")


@pytest.mark.parametrize("run", [panic, later, lambda _: yields()])
def test_a_job(make_app: MakeApp, run: Any) -> None:
    runtime = make_app(plugin(jobs=[JobRegistration("sweep", run)])).runtime
    job = runtime.job_list.read(runtime.jobs.enqueue("sweep"))
    assert (job["name"], job["state"]) == ("acme.sweep", "failed")
    assert "plugin 'acme': job sweep" in job["error"]
    assert "s3cr3t" not in job["error"].rpartition("\n")[2]


def test_a_retention_policy(make_app: MakeApp) -> None:
    registration = RetentionPolicyRegistration("acme", NoSettings, made(decide=panic))
    app = make_app(plugin(retention_policies=[registration]), {"RETENTION_POLICIES": "acme"})
    app.register()
    job = app.runtime.job_list.read(app.runtime.jobs.enqueue("retention"))
    assert job["state"] in ("done", "failed")


@pytest.mark.parametrize(
    "hooks",
    [
        {"retention_policies": [RetentionPolicyRegistration("acme", NoSettings, panic)]},
        {"retention_policies": [RetentionPolicyRegistration("acme", NoSettings, later)]},
        {
            "retention_policies": [
                RetentionPolicyRegistration("acme", NoSettings, made(decide=never))
            ]
        },
    ],
)
def test_a_factory(make_app: MakeApp, hooks: Any) -> None:
    with pytest.raises(ConfigurationError, match="plugin 'acme'"):
        make_app(plugin(**hooks), {"RETENTION_POLICIES": "acme"})


@pytest.mark.parametrize(
    ("hook", "registration"),
    [
        ("jobs", JobRegistration("a", never)),
        ("jobs", JobRegistration("a", yields)),
        ("health_checks", HealthCheckRegistration("a", never)),
        ("routes", route(never)),
        ("commands", CommandRegistration(click.Command("a", callback=never))),
        (
            "commands",
            CommandRegistration(click.Group("a", commands=[click.Command("b", callback=yields)])),
        ),
        ("encryption_backends", EncryptionBackendRegistration("a", NoSettings, never)),
        ("identity_providers", IdentityProviderRegistration("a", NoSettings, yields)),
        ("error_reporters", ErrorReporterRegistration("a", NoSettings, made(), never)),
    ],
)
def test_what_would_never_run_is_refused_when_it_registers(hook: str, registration: Any) -> None:
    host = PluginHost.discover(entry_points=(), extra=plugin(**{hook: [registration]}))
    (status,) = [one for one in host.statuses(None) if one.name == "acme"]
    assert status.state == "failed"
    assert "would never run: write `def` without `async` or `yield`" in status.cause


def test_methods_partials_and_objects_that_never_run_are_seen_through() -> None:
    class Caller:
        async def __call__(self) -> None: ...

        @staticmethod
        async def static() -> None: ...

    caller = Caller()
    assert foreign.never_runs(caller)
    assert foreign.never_runs(caller.__call__)
    assert foreign.never_runs(vars(Caller)["static"])
    assert not foreign.never_runs(Caller)


def test_a_hook() -> None:
    acme = ModuleType("acme")
    acme.nestegg_jobs = hookimpl(panic_hook)  # type: ignore[attr-defined]
    host = PluginHost.discover(entry_points=(), extra={"acme": acme})
    (status,) = [one for one in host.statuses(None) if one.name == "acme"]
    assert status.state == "failed"
    assert "nestegg_jobs raised Panic" in status.cause


def panic_hook() -> list[JobRegistration]:
    raise Panic


def test_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    found: Mapping[str, Any] = {
        entry.full_name: entry
        for entry in PluginHost.discover(
            entry_points=(),
            extra=plugin(commands=[CommandRegistration(click.Command("fail", callback=panic))]),
        ).registered()
        if entry.kind.name == "command"
    }
    monkeypatch.setattr("nestegg_core.cli.group._discovered", lambda: found)
    for name in ("fail", "acme.fail"):
        result = CliRunner().invoke(NestEgg("nestegg", []), [name])
        assert result.exit_code == 1
        assert "plugin 'acme'" in result.output
        assert "its command raised Panic" in result.output
        assert "s3cr3t" not in result.output


def test_ctrl_c_is_the_operators_in_the_main_thread_alone() -> None:
    with pytest.raises(KeyboardInterrupt):
        foreign.call(interrupt)

    def there() -> BaseException:
        with pytest.raises(foreign.Escape) as caught:
            foreign.call(interrupt)
        return caught.value

    assert isinstance(foreign.raised(elsewhere(there)), KeyboardInterrupt)


@pytest.mark.parametrize("value", ["\ud800", 10**30])
def test_an_answer_that_cannot_be_written_out_is_its_plugins(make_app: MakeApp, value: Any) -> None:
    class Loose(BaseModel):
        value: Any

    one = Route("GET", "/it", "accounts:read", None, Loose, lambda _: {"value": value}, "x")
    user = make_app(plugin(routes=[one])).register()
    assert user.get(url(user)).json["type"].endswith(":plugin-fault")


def test_a_finding_that_cannot_be_written_out_is_its_plugins(make_app: MakeApp) -> None:
    check = HealthCheckRegistration("odd", lambda: [Finding("\ud800", "x")])
    ready = make_app(plugin(health_checks=[check])).client.simulate_get("/readyz")
    assert ready.json["checks"]["acme.odd"].startswith("failed")


@pytest.mark.parametrize("payee", ["\ud800", "a\0b"])
def test_a_row_that_no_database_takes_is_its_importers(make_app: MakeApp, payee: str) -> None:
    row = StatementRow(1, date(2026, 1, 31), Decimal(1), payee=payee)
    factory = made(recognises=lambda _: True, read=lambda *_: Statement([row], {}))
    registration = StatementImporterRegistration("acme", NoSettings, factory, {})
    user = make_app(plugin(statement_importers=[registration])).register()
    answer = user.upload(user.account(), b"x")
    assert answer.json["type"].endswith(":plugin-fault")


def test_an_issuer_that_cannot_be_written_out_refuses_the_start(make_app: MakeApp) -> None:
    factory = made(issuers=("https://\ud800",), authenticate=panic)
    registration = IdentityProviderRegistration("acme", NoSettings, factory)
    with pytest.raises(ConfigurationError, match="`issuers` must be a tuple"):
        make_app(
            plugin(identity_providers=[registration]), {"IDENTITY_PROVIDER_CHAIN": "acme,builtin"}
        )


def test_what_a_check_tells_everybody_is_one_short_line(make_app: MakeApp) -> None:
    told = "a\nb\x1b[2J\u202e" + "c" * 9_999
    check = HealthCheckRegistration("long", lambda: [Finding(told, "x")])
    ready = make_app(plugin(health_checks=[check])).client.simulate_get("/readyz")
    shown = ready.json["checks"]["acme.long"]

    assert shown.startswith("a b [2J c")
    assert shown.isprintable()
    assert len(shown) <= 200
