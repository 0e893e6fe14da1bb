"""Each alert fires when it should, and stays silent otherwise: Prometheus itself says so."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from support.environments import ROOT

RULES = ROOT / "deploy" / "prometheus" / "alerts.yaml"
CASES = Path(__file__).parent / "alerts_test.yaml"

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="there is no promtool (Debian: apt install prometheus)",
)


@needs_promtool
def test_alerts_fire_when_they_should_and_not_on_a_fresh_installation(tmp_path: Path) -> None:
    shutil.copy(RULES, tmp_path / "alerts.yaml")
    shutil.copy(CASES, tmp_path)
    tested = ["promtool", "test", "rules", str(tmp_path / CASES.name)]
    done = subprocess.run(tested, capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_fired_by_a_case() -> None:
    [group] = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    fired = CASES.read_text("utf-8")

    assert [rule["alert"] for rule in group["rules"] if f'{rule["alert"]}"}}' not in fired] == []


def test_no_alert_stands_on_what_a_dead_worker_or_scheduler_would_tell() -> None:
    text = RULES.read_text("utf-8")

    for gauge in ("nestegg_jobs_waiting", "retention_last_run", "backup_last_"):
        assert gauge not in text
