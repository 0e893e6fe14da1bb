"""`nestegg demo`: what `make run` shows, down to the lines that are pasted."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from support.command_line import PATIENCE, CommandLine, Server, environ, started

ROOT = Path(__file__).parents[2]


needs_curl = pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl"
)


@needs_curl
def test_the_printed_lines_work_when_pasted(
    fresh_variables: dict[str, str], tmp_path: Path
) -> None:
    with demo(fresh_variables) as server:
        pasted = [line for line in server.printed.splitlines() if "curl" in line]
        answers = paste(pasted, tmp_path)
        code, _ = server.stop()

    accounts, newest = (json.loads(answer)["items"] for answer in answers)
    assert len(pasted) == 3
    assert code == 0
    assert {one["name"] for one in accounts} == {"Checking", "Savings", "Credit card"}
    assert len(newest) == 5
    assert "demo@example.org" in server.printed
    assert server.printed.startswith("umsaetze-girokonto.csv -> Checking: ")


@needs_curl
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")
def test_the_lines_of_the_readme_work_when_pasted(
    fresh_variables: dict[str, str], tmp_path: Path
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    with demo(fresh_variables) as server:
        pasted = [
            line.replace("http://127.0.0.1:8000", server.address)
            for line in readme.splitlines()
            if "curl" in line
        ]
        (accounts,) = paste(pasted, tmp_path)

    assert len(pasted) == 3
    assert len(json.loads(accounts)["items"]) == 3


def demo(variables: Mapping[str, str]) -> AbstractContextManager[Server]:
    return started("demo", "--workers", "1", variables=variables, until=b"stops the server")


def paste(lines: Sequence[str], folder: Path) -> list[str]:
    """Run lines as one would in a second terminal; return what they print."""
    done = subprocess.run(
        ["bash", "-e"],
        input="\n".join(lines),
        env=environ({}),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_running_it_again_imports_nothing_twice(fresh_nestegg: CommandLine) -> None:
    first = fresh_nestegg("demo", "--no-serve")
    again = fresh_nestegg("demo", "--no-serve")

    assert (first.exit_code, again.exit_code) == (0, 0), first.output + again.output
    assert again.stdout.count(": 0 new transactions") == 3
    assert fresh_nestegg("check", "books").exit_code == 0


def test_production_has_no_demo(plain_nestegg: CommandLine) -> None:
    production = {
        "ENVIRONMENT": "production",
        "SECRET_KEY": "7c1d9e0b5a3f48266d0e9b7a1c5f3e82",
        "MASTER_ENCRYPTION_KEY": "Zk3nW8xQy1vT5rB7mC2pL9sD4fG6hJ0aE-uIoN_qRtY=",
        "ALLOWED_HOSTS": "money.example.org",
        "APP_BASE_URL": "https://money.example.org",
        "METRICS_PASSWORD": "q8Zr2LmX5vT9",
        "DATABASE_URL": "postgresql://nestegg_app:x@db.example.org/nestegg",
    }

    result = CommandLine({**plain_nestegg.variables, **production})("demo", "--no-serve")

    assert result.exit_code == 2
    assert "ENVIRONMENT is production" in result.stderr
