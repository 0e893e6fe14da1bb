"""The command line in the test's own process, and servers in processes of their own."""

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from click.testing import CliRunner, Result

from nestegg_core.cli import main

NESTEGG = str(Path(sys.executable).parent / "nestegg")
PATIENCE = 60
"""Seconds after which a server that has said nothing has failed; a good one takes two."""


def environ(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what a process needs to run, and the settings, and nothing else."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, **variables}


@dataclass
class CommandLine:
    """Runs `nestegg` with these settings and no others."""

    variables: Mapping[str, str]

    def __call__(self, *arguments: str, typed: str | None = None) -> Result:
        with mock.patch.dict(os.environ, environ(self.variables), clear=True):
            result = CliRunner().invoke(main, arguments, input=typed)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result


@dataclass
class Server:
    """A running server.

    Attributes:
        printed: what it has printed until it was ready.
    """

    process: subprocess.Popen[bytes]
    printed: str

    @property
    def address(self) -> str:
        """Where it listens."""
        return self.printed.partition("serves on ")[2].split()[0]

    def stop(self) -> tuple[int, str]:
        """Ask it to stop; return the exit code and what it has logged."""
        self.process.terminate()
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors.decode()


@contextmanager
def started(
    *arguments: str, variables: Mapping[str, str], until: bytes = b"serves on "
) -> Iterator[Server]:
    """Start a server on a free port, wait until it says that it is ready, and end it."""
    process = subprocess.Popen(
        [NESTEGG, *arguments, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ(variables),
    )
    with process:
        try:
            yield Server(process, _printed(process, until))
        finally:
            process.kill()


def _printed(process: subprocess.Popen[bytes], until: bytes) -> str:
    assert process.stdout
    assert process.stderr
    printed, deadline = b"", time.monotonic() + PATIENCE
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while until not in printed or not printed.endswith(b"\n"):
            assert selector.select(max(0, deadline - time.monotonic())), "the server says nothing"
            chunk = os.read(process.stdout.fileno(), 65536)
            assert chunk, process.stderr.read().decode()
            printed += chunk
    return printed.decode()
