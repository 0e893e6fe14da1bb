"""What workers and schedulers do without: `python -m benchmarks.memory` tells the megabytes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NOT_IN_WORKERS = (
    "alembic",
    "charset_normalizer",
    "falcon",
    "gunicorn",
    "iso4217",
    "jwt",
    "limits",
    "mako",
    "nestegg_core.auth.chain",
    "nestegg_core.importers.csv.importer",
    "nestegg_core.ledger.money",
    "nestegg_core.api",
    "requests",
    "rich",
    "sentry_sdk",
    "waitress",
    "zxcvbn",
)
"""Modules, with all below them, that only requests, migrations or commands for users need."""

PROGRAM = """
import sys
from nestegg_core.cli import main
from nestegg_core.cli.context import import_structlog_alone
import_structlog_alone()
import nestegg_core.jobs.{does}
from nestegg_core.cli.worker import begun
_, services = begun(None)
assert services.jobs.registered()
print(*sys.modules)
"""


@pytest.mark.parametrize("does", ["scheduler", "rq_worker"])
def test_what_runs_beside_requests_has_nothing_in_memory_that_only_they_need(
    tmp_path: Path, does: str
) -> None:
    variables = {
        "ENVIRONMENT": "test",
        "NESTEGG_HOME": str(tmp_path),
        "REDIS_URL": "redis://127.0.0.1:1",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(does=does)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = done.stdout.split()

    assert "nestegg_idp_okta" in loaded  # plugins are loaded all the same
    assert [
        one for one in loaded for name in NOT_IN_WORKERS if f"{one}.".startswith(name + ".")
    ] == []
