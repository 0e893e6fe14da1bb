"""A real server for the pages whose commands talk to one."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

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
