"""What a plugin must get right, and what it is told when it does not."""

# The wrong types are the point of this file.
# mypy: disable-error-code="arg-type, attr-defined"

from collections.abc import Callable
from types import ModuleType
from typing import Any

import click
import pluggy
import pytest
from pydantic import BaseModel
from pydantic_settings import BaseSettings

from nestegg_core import (
    CommandRegistration,
    EncryptionBackendRegistration,
    ErrorReporterRegistration,
    HealthCheckRegistration,
    HookContext,
    IdentityProviderRegistration,
    JobRegistration,
    Route,
    StatementImporterRegistration,
    StorageRegistration,
    hookimpl,
    hookspecs,
)
from nestegg_core.plugin_host import PluginHost, PluginStatus
from nestegg_core.plugin_host.kinds import KINDS

MakePlugin = Callable[..., ModuleType]


class NoSettings(BaseSettings):
    pass


class Budget(BaseModel):
    pass


def status_of(plugin: object) -> PluginStatus:
    host = PluginHost.discover(entry_points=(), extra={"acme": plugin})
    return next(status for status in host.statuses(None) if status.name == "acme")


def route(**changes: Any) -> Route:
    fields: dict[str, Any] = {
        "method": "GET",
        "path": "/budgets",
        "permission": "accounts:read",
        "request_model": None,
        "response_model": Budget,
        "handler": object,
        "summary": "List budgets",
    }
    return Route(**{**fields, **changes})


def test_every_hook_has_its_kind() -> None:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)

    specified = {name for name in dir(hookspecs) if manager.parse_hookspec_opts(hookspecs, name)}

    assert specified == set(KINDS)


def test_a_good_registration_of_every_kind_is_accepted(
    make_plugin: MakePlugin, complete: ModuleType
) -> None:
    for hook, registration in {
        "nestegg_statement_importers": StatementImporterRegistration("a", NoSettings, object, {}),
        "nestegg_error_reporters": ErrorReporterRegistration("a", NoSettings, object, bool),
        "nestegg_health_checks": HealthCheckRegistration("a", list),
        "nestegg_jobs": JobRegistration("a", print, schedule="*/5 0 1-3 JAN 1,2"),
        "nestegg_commands": CommandRegistration(click.Command("rates")),
        "nestegg_routes": route(),
    }.items():
        setattr(complete, hook, getattr(make_plugin(**{hook: [registration]}), hook))

    status = status_of(complete)

    assert status.state == "available"
    assert status.hooks == tuple(sorted(KINDS))
    assert len(status.registrations) == len(KINDS)


@pytest.mark.parametrize(
    ("hook", "registrations", "advice"),
    [
        ("nestegg_jobs", None, "must return a list of JobRegistration, not None"),
        ("nestegg_jobs", {}, "must return a list of JobRegistration, not dict"),
        ("nestegg_jobs", "jobs", "must return a list of JobRegistration, not str"),
        ("nestegg_jobs", [JobRegistration], "not the class JobRegistration"),
        ("nestegg_jobs", [None], "must return JobRegistration objects, not None"),
        ("nestegg_jobs", [HealthCheckRegistration("a", list)], "an instance of HealthCheckReg"),
        ("nestegg_jobs", [JobRegistration("Fetch Rates", print)], "`name` must be a string of"),
        ("nestegg_jobs", [JobRegistration("", print)], "`name` must be a string of"),
        ("nestegg_jobs", [JobRegistration(7, print)], "`name` must be a string of"),
        ("nestegg_jobs", [JobRegistration("a" * 33, print)], "at most 32 lower-case letters"),
        (
            "nestegg_encryption_backends",
            [EncryptionBackendRegistration("kms.eu", NoSettings, object)],
            "`name` must be a string of",
        ),
        ("nestegg_jobs", [JobRegistration("a", "print")], "`run` must be callable, not an inst"),
        ("nestegg_jobs", [JobRegistration("a", print, "fast")], "`queue` must be one of"),
        ("nestegg_jobs", [JobRegistration("a", print, schedule="daily")], "five cron fields"),
        ("nestegg_jobs", [JobRegistration("a", print)] * 2, "registers 'a' twice"),
        (
            "nestegg_identity_providers",
            [IdentityProviderRegistration("a", NoSettings(), object)],
            "`settings` must be a subclass of BaseSettings, not an instance of NoSettings",
        ),
        (
            "nestegg_identity_providers",
            [IdentityProviderRegistration("a", Budget, object)],
            "`settings` must be a subclass of BaseSettings, not the class Budget",
        ),
        (
            "nestegg_identity_providers",
            [IdentityProviderRegistration("a", NoSettings, None)],
            "`factory` must be callable, not None",
        ),
        (
            "nestegg_storages",
            [StorageRegistration("a", "postgresql", NoSettings, object)],
            "`schemes` must be a tuple of lower-case URL schemes, e.g. ('postgresql',)",
        ),
        (
            "nestegg_statement_importers",
            [StatementImporterRegistration("a", NoSettings, object, ["encoding"])],
            "`options` must map each option's name",
        ),
        (
            "nestegg_error_reporters",
            [ErrorReporterRegistration("a", NoSettings, object, True)],
            "`enabled` must be callable",
        ),
        ("nestegg_health_checks", [HealthCheckRegistration("a", [])], "`check` must be callable"),
        ("nestegg_commands", [CommandRegistration(print)], "`command` must be a click command"),
        (
            "nestegg_commands",
            [CommandRegistration(click.Command(None))],
            "and its name a string of",
        ),
        ("nestegg_routes", [route(method="get")], "`method` must be one of"),
        ("nestegg_routes", [route(path="budgets")], "`path` must begin with '/'"),
        ("nestegg_routes", [route(permission="")], "`permission` must be a string"),
        ("nestegg_routes", [route(summary=None)], "`summary` must be a string"),
        ("nestegg_routes", [route(request_model=dict)], "`request_model` must be a pydantic"),
        ("nestegg_routes", [route(response_model=Budget())], "`response_model` must be a pyd"),
        ("nestegg_routes", [route(handler=1)], "`handler` must be callable"),
    ],
)
def test_a_bad_registration_is_refused_with_what_to_write(
    make_plugin: MakePlugin, hook: str, registrations: object, advice: str
) -> None:
    status = status_of(make_plugin(**{hook: registrations}))

    assert status.state == "failed"
    assert advice in status.cause


def test_a_misspelt_hook_is_refused_and_the_real_one_named(make_plugin: MakePlugin) -> None:
    status = status_of(make_plugin(nestegg_identity_provider=[]))

    assert status.state == "failed"
    assert status.cause == (
        "there is no hook 'nestegg_identity_provider'; did you mean 'nestegg_identity_providers'?"
    )


def test_a_hook_like_no_other_is_refused_with_all_that_exist(make_plugin: MakePlugin) -> None:
    status = status_of(make_plugin(zzz=[]))

    assert all(hook in status.cause for hook in KINDS)


def test_a_hook_of_a_later_core_may_be_marked_as_optional(make_plugin: MakePlugin) -> None:
    plugin = make_plugin(nestegg_jobs=[])

    @hookimpl(optionalhook=True)
    def nestegg_dashboards() -> list[object]:
        return []

    plugin.nestegg_dashboards = nestegg_dashboards

    assert status_of(plugin).state == "available"


def test_a_hook_without_its_mark_is_refused(make_plugin: MakePlugin) -> None:
    plugin = make_plugin(nestegg_jobs=[])
    plugin.nestegg_commands = list

    assert status_of(plugin).cause == "nestegg_commands is not marked: write @hookimpl above it"


def test_a_hook_that_raises_is_named_with_the_exception_and_spares_the_others(
    make_plugin: MakePlugin, complete: ModuleType
) -> None:
    raising = make_plugin()

    @hookimpl
    def nestegg_jobs() -> None:
        raise ValueError("no\n  luck")

    raising.nestegg_jobs = nestegg_jobs
    good = make_plugin(nestegg_jobs=[JobRegistration("tidy", print)])
    host = PluginHost.discover(
        entry_points=(), extra={"a_good": good, "m_raising": raising, "z_complete": complete}
    )

    found = {status.name: status for status in host.statuses(None)}

    assert found["m_raising"].cause == "nestegg_jobs raised ValueError: no luck"
    assert found["a_good"].registrations == (("job", "a_good.tidy"),)
    assert found["z_complete"].state == "available"


def test_a_settings_error_inside_a_hook_does_not_repeat_the_value() -> None:
    class Secretive(BaseModel):
        token: int

    class Plugin:
        @hookimpl
        def nestegg_jobs(self) -> None:
            Secretive(token="hush-hush")

    status = status_of(Plugin())

    assert "token" in status.cause
    assert "hush-hush" not in status.cause


def test_a_hook_with_an_argument_that_is_not_offered_is_refused() -> None:
    class Plugin:
        @hookimpl
        def nestegg_jobs(self, context: object) -> None:
            """Never called."""

    status = status_of(Plugin())

    assert status.state == "failed"
    assert "'context'" in status.cause


def test_a_hook_may_take_the_context() -> None:
    versions: list[str] = []

    class Plugin:
        @hookimpl
        def nestegg_jobs(self, ctx: HookContext) -> list[object]:
            versions.append(ctx.core_version)
            return []

    assert status_of(Plugin()).state == "available"
    assert len(versions) == 1


def test_a_wrapper_is_refused_for_there_is_nothing_to_wrap() -> None:
    class Plugin:
        @hookimpl(wrapper=True)
        def nestegg_jobs(self) -> object:
            return (yield)

    assert "not wrap others'" in status_of(Plugin()).cause


def test_an_entry_point_that_names_none_is_refused() -> None:
    assert "names None" in status_of(None).cause
