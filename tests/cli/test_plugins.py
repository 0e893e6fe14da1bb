"""`nestegg plugins`, and commands that plugins bring."""

import json
from collections.abc import Callable
from typing import Any

from support.command_line import CommandLine

BROKEN = "raise RuntimeError('the moon is full')"
GREETS = """
import click
from nestegg_core import CommandRegistration, hookimpl

@click.command(epilog="Example: nestegg greet")
def greet():
    "Greet."
    click.echo("hello")

@hookimpl
def nestegg_commands():
    return [CommandRegistration(greet)]
"""


def listed(nestegg: CommandLine) -> dict[str, Any]:
    plugins = json.loads(nestegg("plugins", "--json").stdout)["plugins"]
    return {plugin["name"]: plugin for plugin in plugins}


def with_variables(nestegg: CommandLine, **variables: str) -> CommandLine:
    return CommandLine({**nestegg.variables, **variables})


def test_built_ins_and_plugins_are_listed(plain_nestegg: CommandLine) -> None:
    found = listed(plain_nestegg)

    sqlite, okta = found["builtin:sqlite"], found["idp_okta"]
    assert (sqlite["state"], sqlite["distribution"]) == ("selected", "nestegg-core")
    assert (okta["state"], okta["distribution"]) == ("available", "nestegg-idp-okta")
    assert okta["hooks"] == ["nestegg_identity_providers"]
    assert okta["version"]
    assert "idp_okta" in plain_nestegg("plugins").stdout


def test_a_broken_plugin_that_nothing_needs_is_shown_and_does_no_harm(
    plain_nestegg: CommandLine, install: Callable[[str], None]
) -> None:
    install(BROKEN)

    acme = listed(plain_nestegg)["idp_acme"]
    assert (acme["state"], acme["distribution"], acme["version"]) == (
        "failed",
        "acme-plugin",
        "1.2",
    )
    assert "the moon is full" in acme["cause"]
    assert plain_nestegg("plugins").exit_code == 0
    assert plain_nestegg("--help").exit_code == 0
    started = plain_nestegg("user", "list")
    assert started.exit_code == 0
    assert "the moon is full" in started.stderr


def test_a_broken_plugin_that_is_selected_is_exit_code_1(
    plain_nestegg: CommandLine, install: Callable[[str], None]
) -> None:
    install(BROKEN)
    chosen = with_variables(plain_nestegg, IDENTITY_PROVIDER_CHAIN="acme")

    result = chosen("plugins")

    assert result.exit_code == 1
    assert "the moon is full" in result.stderr
    assert chosen("user", "list").exit_code == 2


def test_the_list_is_there_when_the_settings_are_not_right(plain_nestegg: CommandLine) -> None:
    wrong = with_variables(plain_nestegg, LOG_FORMAT="loud", PLUGINS_DISABLED="idp_okta")

    result = wrong("plugins", "--json")

    states = {one["name"]: one["state"] for one in json.loads(result.stdout)["plugins"]}
    assert result.exit_code == 0
    assert states["idp_okta"] == "disabled"
    assert states["builtin:sqlite"] == "available"
    assert "LOG_FORMAT" in result.stderr


def test_a_plugins_command_stands_beside_those_of_the_core(
    plain_nestegg: CommandLine, install: Callable[[str], None]
) -> None:
    install(GREETS)

    lines = plain_nestegg("--help").stdout.splitlines()
    assert [line.split() for line in lines if "greet" in line] == [["greet", "Greet."]]
    assert plain_nestegg("greet").stdout == "hello\n"


def test_a_plugin_that_is_switched_off_brings_no_command(
    plain_nestegg: CommandLine, install: Callable[[str], None]
) -> None:
    install(GREETS)

    result = with_variables(plain_nestegg, PLUGINS_DISABLED="idp_acme")("greet")

    assert result.exit_code == 2
    assert "No such command" in result.stderr
