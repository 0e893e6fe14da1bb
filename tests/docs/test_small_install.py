"""`docs/small-install.md`: its settings are taken, and cron asks for every job that is due."""

import re
from pathlib import Path

from benchmarks import small_install
from nestegg_core.application import start
from nestegg_core.settings import Environment
from nestegg_core.settings.loading import read_dotenv
from support.environments import ROOT
from support.guide import blocks
from support.guide_checks import settings

PAGE = ROOT / "docs" / "small-install.md"
BLOCKS = blocks(PAGE)


def block(language: str) -> str:
    (text,) = (one.text for one in BLOCKS if one.language == language)
    return text


def test_every_block_is_checked_here() -> None:
    assert {one.language for one in BLOCKS} == {"env", "crontab"}


def test_its_settings_are_taken_by_production(tmp_path: Path) -> None:
    settings(block("env"), tmp_path)


def test_what_is_measured_is_what_the_page_says(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(block("env"), "utf-8")
    given, _ = read_dotenv(file)
    assert {name: given[name] for name in small_install.SMALL} == small_install.SMALL
    assert "python -m benchmarks.small_install" in PAGE.read_text("utf-8")


def test_cron_asks_for_every_job_at_its_hour(tmp_path: Path) -> None:
    asked = dict(
        reversed(found)
        for found in re.findall(
            r"^((?:\S+ ){4}\S+) cd /srv/nestegg && venv/bin/nestegg jobs run (\w+)$",
            block("crontab"),
            re.MULTILINE,
        )
    )
    given = {"NESTEGG_HOME": str(tmp_path), "BACKUP_DIR": str(tmp_path / "backups")}
    registered = start(Environment.read(given, dotenv=None)).jobs.registered()
    assert asked == {one.name: one.schedule for one in registered if one.schedule}
