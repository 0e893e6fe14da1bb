"""The checklist of docs/self-hosting.md at the command line: each row broken is a start refused.

The guide lists what is judged by the settings; `test_production.py` has every way to break a row.
"""

import re
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from support.command_line import CommandLine
from support.environments import ROOT

GOOD = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "7f1c6ad05be94e2883d1f0a4c7b96e52d8a3f40b1c95e7762d0e8b39fa641c57",
    "MASTER_ENCRYPTION_KEY": Fernet.generate_key().decode(),
    "ALLOWED_HOSTS": "app.example.com",
    "CORS_ORIGINS": "https://app.example.com",
    "APP_BASE_URL": "https://app.example.com",
    "METRICS_PASSWORD": "long-enough-and-chosen",
    "DATABASE_URL": "postgresql://nestegg:pass-word@db.example.com:5432/nestegg",
    "REDIS_URL": "redis://:pass-word@redis.example.com:6379/0",
}
SQLITE = "is SQLite, which is for development and embedded use"
ROWS = {
    "SECRET_KEY": {
        "": "is not set",
        "a1b2c3": "has fewer than 32 characters",
        "changeme-0123456789-abcdefghijklmnop": "is a placeholder or too simple",
    },
    "MASTER_ENCRYPTION_KEY": {"": "is not set", "no-key": "is no Fernet key"},
    "ALLOWED_HOSTS": {"": "is empty", "*": "allows every host (*)"},
    "CORS_ORIGINS": {
        "*": "allows every origin (*)",
        "http://app.example.com": "has an origin that is not https",
    },
    "APP_BASE_URL": {
        "http://app.example.com": "is not https",
        "https://localhost": "is an address of this machine only",
    },
    "METRICS_PASSWORD": {
        "": "is the default",
        "metrics": "is the default",
        "a1b2c3": "is shorter than 12 characters",
    },
    "DATABASE_URL": {
        "": SQLITE,
        "sqlite:///nestegg.sqlite3": SQLITE,
        "postgresql://u:p@db.example.com/n?sslmode=disable": "allows a connection without TLS",
    },
    "REDIS_URL": {"redis://redis.example.com:6379/0": "has no password"},
}
BROKEN = [(name, value, what) for name, ways in ROWS.items() for value, what in ways.items()]


def test_the_rows_are_those_of_the_guide() -> None:
    guide = (ROOT / "docs" / "self-hosting.md").read_text("utf-8")
    section = guide.partition("\n## Production checklist\n")[2].partition("\n## ")[0]
    assert re.findall(r"^- \[ \] `(\w+)`", section, re.MULTILINE) == list(ROWS)


@pytest.mark.parametrize("command", ["config", "serve", "worker", "scheduler"])
@pytest.mark.parametrize(("name", "value", "what"), BROKEN)
def test_a_broken_row_refuses_the_start_and_says_why(
    tmp_path: Path, command: str, name: str, value: str, what: str
) -> None:
    result = CommandLine({**GOOD, "NESTEGG_HOME": str(tmp_path), name: value})(command)

    assert result.exit_code == 2
    told = " ".join((result.stdout + result.stderr).split())
    assert f"{name} {what}" in told
    assert GOOD["SECRET_KEY"] not in told
    assert "pass-word" not in told


def test_all_broken_rows_come_in_one_report(tmp_path: Path) -> None:
    broken = {name: list(ways)[-1] for name, ways in ROWS.items()}
    result = CommandLine({**GOOD, **broken, "NESTEGG_HOME": str(tmp_path)})("serve")

    assert result.exit_code == 2
    assert [name for name in ROWS if name not in result.stderr] == []


def test_with_every_row_in_order_the_configuration_is_taken(tmp_path: Path) -> None:
    result = CommandLine({**GOOD, "NESTEGG_HOME": str(tmp_path)})("config")
    assert result.exit_code == 0, result.stderr
