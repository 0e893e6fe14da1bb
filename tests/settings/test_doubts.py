"""What stands in `.env` and is hardly meant is told by name, and nothing is refused for it."""

import json
import re
from pathlib import Path

import pytest

from nestegg_core.cli.inspection import OF_COMPOSE, discover, sections
from nestegg_core.settings import Environment
from nestegg_core.settings.loading import fields_of
from nestegg_core.settings.production import doubts
from support.command_line import CommandLine
from support.environments import ROOT

CLASSES = [cls for _, cls in sections(discover(Environment.read({}, dotenv=None)))]
ALL, CORE = (
    {name for cls in classes for field in fields_of(cls) for name in field.variables}
    for classes in (CLASSES, [cls for cls in CLASSES if cls.__module__.startswith("nestegg_core")])
)


def told(folder: Path, text: str, known: set[str] = ALL) -> dict[str, str]:
    file = folder / "settings"
    file.write_text(text, "utf-8")
    return {one.where: f"{one.what} | {one.fix}" for one in doubts(file, known)}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("DATA_RETENTION_DAY", "DATA_RETENTION_DAYS"),
        ("METRIC_PASSWORD", "METRICS_PASSWORD"),
        ("ALLOWED_HOST", "ALLOWED_HOSTS"),
        ("SMTP_PASS", "SMTP_PASSWORD"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("SECRET_KEY_FIEL", "SECRET_KEY_FILE"),
        ("ENCRYPTION_KEYS_V1", "ENCRYPTION_KEY_V1"),
    ],
)
def test_a_name_near_a_known_one_is_told(tmp_path: Path, written: str, meant: str) -> None:
    found = told(tmp_path, f"{written}=hush-hush\n")

    assert set(found) == {written}
    assert meant.removesuffix("_FILE") in found[written]
    assert "hush" not in found[written]


def test_a_name_that_is_set_twice_is_told_with_its_lines(tmp_path: Path) -> None:
    found = told(tmp_path, "REGISTRATION=closed\n# hush\nLOG_LEVEL=INFO\nREGISTRATION=open\n")

    assert set(found) == {"REGISTRATION"}
    assert "lines 1 and 4; the last is in force" in found["REGISTRATION"]
    assert "closed" not in found["REGISTRATION"]


def test_a_name_that_is_set_to_nothing_and_then_to_something_is_not_doubted(tmp_path: Path) -> None:
    assert told(tmp_path, "REGISTRATION=\nREGISTRATION=open\n") == {}


def test_a_line_without_an_equals_sign_is_told(tmp_path: Path) -> None:
    found = told(tmp_path, "LOG_LEVEL=INFO\nFOO\n")

    assert set(found) == {"FOO"}
    assert "without = in line 2" in found["FOO"]


def test_names_that_are_read_are_not_doubted(tmp_path: Path) -> None:
    names = [*ALL, "SECRET_KEY_FILE", "ENCRYPTION_KEY_V12", "ENCRYPTION_KEY_V3_FILE"]

    assert told(tmp_path, "".join(f"{name}=1\n" for name in names)) == {}


def test_names_of_others_are_not_doubted(tmp_path: Path) -> None:
    others = ["POSTGRES_PASSWORD", "COMPOSE_PROJECT_NAME", "TZ", "PATH", "HOSTNAME", "HOME"]
    injected = ["KUBERNETES_SERVICE_HOST", "NESTEGG_BACKEND_PORT_8000_TCP", "REDIS_PORT"]

    assert told(tmp_path, "".join(f"{name}=1\n" for name in [*others, *injected])) == {}


def test_settings_of_a_plugin_that_is_not_installed_are_not_doubted(tmp_path: Path) -> None:
    written = "".join(f"{name}=1\n" for name in sorted(ALL - CORE))

    assert told(tmp_path, written, CORE) == {}


def test_what_compose_takes_from_the_file_is_known() -> None:
    file = (ROOT / "compose.yaml").read_text("utf-8")
    taken = set(re.findall(r"(?<!\$)\$\{(\w+)", file))

    assert taken - ALL == OF_COMPOSE


@pytest.mark.parametrize("value", ["pa$x", '"pa$x"', "a${b"])
def test_a_dollar_that_compose_would_read_otherwise_is_told(tmp_path: Path, value: str) -> None:
    found = told(tmp_path, f"SMTP_PASSWORD={value}\n")

    assert "single quotes" in found["SMTP_PASSWORD"]
    assert "pa$" not in found["SMTP_PASSWORD"]


def test_single_quotes_suit_both(tmp_path: Path) -> None:
    assert told(tmp_path, "SMTP_PASSWORD='pa$x'\n") == {}


def test_config_doctor_and_the_start_tell_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("DATA_RETENTION_DAY=30\n", "utf-8")
    command_line = CommandLine({"NESTEGG_HOME": str(tmp_path / "home")})

    shown = command_line("config")
    listed = json.loads(command_line("config", "--json").stdout)["doubts"]
    looked = command_line("doctor")
    begun = command_line("user", "list")

    assert shown.exit_code == 0
    assert "DATA_RETENTION_DAYS" in shown.stderr.partition("Hardly meant")[2]
    assert [one["where"] for one in listed] == ["DATA_RETENTION_DAY"]
    assert looked.exit_code == 1
    assert "WARNING settings: DATA_RETENTION_DAY is no setting" in looked.stdout
    assert "hardly meant" in begun.stderr
    assert "DATA_RETENTION_DAYS" in begun.stderr
