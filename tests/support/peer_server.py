"""Servers that others wrote, as processes of their own on loopback."""

import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

import requests

from support.command_line import environ

END_SECONDS = 30


@dataclass
class PeerServer:
    """A server that can be stopped and started; a context that starts and stops it.

    Attributes:
        command: its program and arguments.
        ready: address that answers 200 once the server works.
        variables: its environment, besides what every process needs.
        folder: where it runs.
        patience: seconds after which a server that does not answer has failed.
    """

    command: Sequence[str]
    ready: str
    variables: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    patience: float = 60
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _log: IO[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            AssertionError: it ended or does not answer; with what it has printed.
        """
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        self._process = subprocess.Popen(
            self.command,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=environ(self.variables),
            cwd=self.folder,
        )
        deadline = time.monotonic() + self.patience
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._log.seek(0)
                printed = self._log.read().decode(errors="replace")
                self.stop()
                raise AssertionError(f"nothing answers at {self.ready}: {self.command}\n{printed}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            return requests.get(self.ready, timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def stop(self) -> None:
        """Ask it to end, and make it end when it does not."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def __enter__(self) -> "PeerServer":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at present."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
