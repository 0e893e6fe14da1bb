"""`docs/api.md` works as written: its commands run, in order, against a real server."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"
START_SECONDS = 30


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A server over an empty data folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = {**os.environ, "NESTEGG_HOME": str(tmp_path), "LOG_LEVEL": "ERROR"}
    nestegg = Path(sys.executable).with_name("nestegg")
    process = subprocess.Popen([nestegg, "serve", "--port", str(port)], env=variables, cwd=tmp_path)
    try:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=START_SECONDS)


def test_the_guide_runs_as_written(server: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```bash\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    script = "set -eu\n" + "\necho '=== block'\n".join(blocks)
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "BASE": server},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    outputs = [block.strip() for block in done.stdout.split("=== block")]
    (_, sign_in, booked, changed, page, imported, refused) = outputs
    assert '"email":"ada@example.org"' in sign_in
    assert booked == "246.80"
    assert changed == "2\n412"
    assert '"payee":"Corner Café"' in page
    assert imported.endswith("committed\n1946.60")
    assert '"pointer":"/name"' in refused
    assert '"code":"unknown_currency"' in refused
    assert "XXY" not in refused
