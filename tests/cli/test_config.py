"""`nestegg config`: what is in force, from where, and never a secret."""

import json
from pathlib import Path

import pytest

from nestegg_core.cli.commands.config import sections
from nestegg_core.plugin_host import PluginHost
from nestegg_core.settings import env_example
from support.command_line import CommandLine
from support.generated import plugins_of_this_repository, settings_page

ROOT = Path(__file__).parents[2]
SECRET = "f4b1c0ffee00d15ea5e0ddba11c0ffee"


def test_the_example_at_the_root_is_up_to_date() -> None:
    host = PluginHost.discover(entry_points=plugins_of_this_repository())

    written = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert written == env_example(sections(host)), "run: make docs"


def test_the_page_of_settings_is_up_to_date() -> None:
    host = PluginHost.discover(entry_points=plugins_of_this_repository())

    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")

    assert written == settings_page(sections(host)), "run: make docs"


def test_the_command_prints_the_example(plain_nestegg: CommandLine) -> None:
    result = plain_nestegg("config", "--example")

    assert result.exit_code == 0
    assert "# WEB_PORT=8000\n" in result.stdout
    assert result.stdout.count("\n# DATABASE_URL=") == 1


def test_settings_are_shown_with_their_origin(plain_nestegg: CommandLine) -> None:
    Path(".env").write_text("LOG_LEVEL=debug\n")
    Path("key").write_text(SECRET)
    variables = {**plain_nestegg.variables, "SECRET_KEY_FILE": "key", "WEB_PORT": "9000"}

    result = CommandLine(variables)("config", "--json")

    shown = {one["name"]: (one["value"], one["origin"]) for one in settings_of(result.stdout)}
    assert result.exit_code == 0
    assert shown["LOG_LEVEL"] == ("DEBUG", ".env")
    assert shown["SECRET_KEY"] == ("********", "file key")
    assert shown["WEB_PORT"] == ("9000", "environment")
    assert shown["WEB_THREADS"] == ("4", "default")
    assert shown["MASTER_ENCRYPTION_KEY"][1].startswith("generated, ")
    assert len(shown) == len(settings_of(result.stdout))


def settings_of(printed: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(printed)["settings"]
    return found


@pytest.mark.parametrize("command", ["config", "plugins"])
def test_looking_writes_nothing(plain_nestegg: CommandLine, command: str) -> None:
    assert plain_nestegg(command).exit_code == 0
    assert not Path(plain_nestegg.variables["NESTEGG_HOME"]).exists()


def test_every_problem_is_shown_and_no_secret(plain_nestegg: CommandLine) -> None:
    wrong = {"SECRET_KEY": "hunter2", "WEB_THREADS": "none", "IDENTITY_PROVIDER_CHAIN": "okta"}
    first = CommandLine({**plain_nestegg.variables, **wrong})("config")
    wrong["SECRET_KEY"] = SECRET
    second = CommandLine({**plain_nestegg.variables, **wrong})("config")

    assert (first.exit_code, second.exit_code) == (2, 2)
    assert "hunter2" not in first.output
    assert "SECRET_KEY has fewer than 32 characters" in first.stderr
    assert "WEB_THREADS" in first.stderr
    assert "IDENTITY_PROVIDER_CHAIN" in first.stdout
    assert SECRET not in second.output
    assert "IDP_OKTA_ISSUER is not set" in second.stderr


def test_a_command_that_needs_settings_reports_all_that_is_wrong(
    plain_nestegg: CommandLine,
) -> None:
    wrong = {"SECRET_KEY": "hunter2", "LOG_FORMAT": "loud", "WEB_PORT": "90000"}

    result = CommandLine({**plain_nestegg.variables, **wrong})("serve")

    assert result.exit_code == 2
    assert "Nest Egg cannot start: 3 problems" in result.stderr
    for name in wrong:
        assert f"\n  {name} " in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.parametrize("command", ["config", "db check", "plugins"])
def test_what_is_wrong_with_core_and_plugins_is_told_at_once(tmp_path: Path, command: str) -> None:
    wrong = {
        "JOB_MAX_TRIES": "0",
        "LOG_LEVEL": "verbose",
        "IDENTITY_PROVIDER_CHAIN": "acne",
        "DATA_RETENTION_DAYS": "-1",
    }
    nestegg = CommandLine({"NESTEGG_HOME": str(tmp_path / "home"), **wrong})

    result = nestegg(*command.split())

    told = [line.split()[0] for line in result.stderr.splitlines() if line[:3].strip(" ")]
    assert {name: told.count(name) for name in wrong} == dict.fromkeys(wrong, 1)
    assert "DATABASE_URL" not in told


def test_settings_that_are_wrong_are_not_told_of_the_plugins_that_read_them_too(
    tmp_path: Path,
) -> None:
    nestegg = CommandLine({"NESTEGG_HOME": str(tmp_path / "home"), "DATABASE_URL": "nonsense"})

    result = nestegg("db", "check")

    assert "Nest Egg cannot start: 1 problem\n" in result.stderr
