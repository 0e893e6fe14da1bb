"""`docs/backups.md` and `docs/doctor.md` work as written: their commands run, in their order."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from nestegg_core.application import Runtime
from nestegg_core.demo import fill
from nestegg_core.observability.metrics import MEASURES
from nestegg_core.settings import Settings
from support.command_line import environ

DOCS = Path(__file__).parents[2] / "docs"
BACKUPS, DOCTOR = ((DOCS / f"{name}.md").read_text("utf-8") for name in ("backups", "doctor"))


@pytest.mark.long
@pytest.mark.parametrize("guide", [BACKUPS, DOCTOR], ids=["backups", "doctor"])
def test_the_commands_run_as_written(
    fresh_variables: dict[str, str], fresh_runtime: Runtime, tmp_path: Path, guide: str
) -> None:
    fresh_runtime.storage.upgrade()
    fresh_runtime.check_keys()
    fill(fresh_runtime, fresh_runtime.clock().date())
    fresh_runtime.storage.dispose()  # the guide has stopped the servers
    Path(fresh_variables["NESTEGG_HOME"]).chmod(0o700)
    variables = environ(fresh_variables)
    variables["PATH"] = f"{Path(sys.executable).parent}:{variables['PATH']}"
    blocks = re.findall(r"^```bash\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)

    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", "\n".join(blocks)],
        env=variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert len(blocks) >= 1


def test_defaults_and_metrics_are_as_the_guide_says() -> None:
    told = dict(re.findall(r"^\| `(BACKUP_\w+)` \| `([^`]+)` \|", BACKUPS, re.MULTILINE))
    for name, value in told.items():
        assert str(Settings.model_fields[name.lower()].default) == value
    assert len(told) == 6
    for name in re.findall(r"`nestegg_(backup_\w+?)(?:_total)?`", BACKUPS):
        assert name in MEASURES
