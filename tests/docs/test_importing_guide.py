"""`docs/importing.md` works as written: its commands run, in order, against a real server."""

import os
import re
import subprocess
from pathlib import Path

import nestegg_import_camt
import nestegg_import_mt940
import nestegg_import_ofx
import nestegg_import_qif
import pytest

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "importing.md").read_text(encoding="utf-8")
BASH = re.compile(r"```bash\n(.*?)```", re.DOTALL)
ACCOUNT = """
ACCOUNT=$(curl -sS "$BASE/api/v1/organizations/$ORG/accounts" -H "$AUTH" \\
  -H 'Content-Type: application/json' \\
  -d '{"name": "Checking", "type": "checking", "currency": "EUR", "opening_balance": "2000.00"}' \\
  | value id)
"""


def test_the_guide_runs_as_written(server: str, tmp_path: Path) -> None:
    tour = BASH.findall((DOCS / "api.md").read_text(encoding="utf-8"))
    blocks = [tour[0], f"{tour[1]}{ACCOUNT}", *BASH.findall(GUIDE)]
    done = subprocess.run(
        ["bash", "-c", "set -eu\n" + "\necho '=== block'\n".join(blocks)],
        env={**os.environ, "BASE": server},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    _, _, several, committed, asked, told = map(str.strip, done.stdout.split("=== block"))
    assert "`3456` in EUR, `8821` in EUR" in several
    assert committed == "1\n0.00\ncommitted"
    assert "date_format" in asked
    assert "an option for each question: `date_format`" in asked
    assert told == "2026-03-04\ncommitted"


@pytest.mark.parametrize(
    "importer", [nestegg_import_camt, nestegg_import_mt940, nestegg_import_ofx, nestegg_import_qif]
)
def test_every_option_of_an_importer_is_listed(importer: object) -> None:
    options = getattr(importer, "OPTIONS")  # noqa: B009 - mypy does not know which module it is
    listed = ", ".join(f"`{name}`" for name in (*options, "account"))
    assert f"Options: {listed}." in " ".join(GUIDE.split())
