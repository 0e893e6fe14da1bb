"""The files in which processes keep what they measure."""

from pathlib import Path

import pytest

from nestegg_core.observability.prometheus import FOLDER, _of_all_processes


def test_a_file_that_a_process_has_just_made_does_not_stop_a_scrape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "counter_1.db").touch()
    monkeypatch.setenv(FOLDER, str(tmp_path))

    assert list(_of_all_processes()) == []
