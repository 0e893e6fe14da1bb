"""Real workers and schedulers: `nestegg` in processes of its own, ended by their ids."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

TESTS = Path(__file__).parents[1]
STOP_SECONDS = 40


@dataclass
class Process:
    """A running `nestegg worker` or `nestegg scheduler`.

    Attributes:
        log: what it has written.
    """

    process: subprocess.Popen[bytes]
    log: Path

    def workers(self) -> list[psutil.Process]:
        """Return the processes of a pool."""
        return psutil.Process(self.process.pid).children()

    def logged(self, text: str) -> bool:
        """Tell whether the log has a text."""
        return text in self.log.read_text()

    def stop(self) -> int:
        """Ask it to stop, wait until it has, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=STOP_SECONDS)

    def end(self) -> None:
        """End it and all that it has started, at once."""
        if self.process.poll() is None:
            started = self.workers()
            self.process.kill()
            for one in started:
                kill(one)
        self.process.wait(timeout=STOP_SECONDS)


def kill(process: psutil.Process) -> None:
    """End a process as `kill -9` does, if it is still there."""
    try:
        process.kill()
        process.wait(timeout=STOP_SECONDS)
    except psutil.NoSuchProcess:
        pass


@contextmanager
def running(folder: Path, variables: Mapping[str, str], *command: str) -> Iterator[Process]:
    """Start `nestegg <command>` with the plugin `job_traces`, and end it with the block.

    Args:
        folder: for its log, and for the plugin's metadata.
        variables: its settings.
    """
    path = os.pathsep.join([_plugin(folder), str(TESTS)])
    nestegg = str(Path(sys.executable).parent / "nestegg")
    with running_command(folder, {**variables, "PYTHONPATH": path}, [nestegg, *command]) as started:
        yield started


@contextmanager
def running_command(
    folder: Path, variables: Mapping[str, str], command: Sequence[str]
) -> Iterator[Process]:
    """Start a program with these variables and no others; its log is shown when the block fails."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    log = folder / f"{len(list(folder.iterdir()))}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**kept, **variables},
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    started = Process(process, log)
    try:
        yield started
    except BaseException:
        sys.stderr.write(log.read_text())
        raise
    finally:
        started.end()


def _plugin(folder: Path) -> str:
    """Leave `job_traces` installed in a folder, as pip would."""
    site = folder / "site"
    metadata = site / "job_traces-1.0.dist-info"
    if not metadata.exists():
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: job-traces\nVersion: 1.0")
        (metadata / "entry_points.txt").write_text(
            "[nestegg.plugins]\njob_traces = support.job_traces\n"
        )
    return str(site)
