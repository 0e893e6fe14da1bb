"""One process for the metrics, beside those that do the work: forked, looked after, ended.

The first process calls `look_after` now and then; it must not have started threads, as a fork
copies none of them but all of their locks.
"""

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

_PAUSE = 1.0
"""Seconds between two starts."""

_IGNORED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGTTIN", "SIGTTOU")
"""What a terminal or a supervisor sends to the whole group: the first process decides."""

_log = structlog.get_logger("nestegg.metrics")

Lonely = Callable[[], bool]


class MetricsProcess:
    """Keeps one process serving.

    Args:
        bind: takes the port and returns the socket, or `None` where it is not free yet.
        serve: what the process does with the socket, until it is told that it is alone.
        orphaned: called in the process when its first process ended without a word.
    """

    def __init__(
        self,
        bind: Callable[[], socket.socket | None],
        serve: Callable[[socket.socket, Lonely], None],
        orphaned: Callable[[], None] = lambda: None,
    ) -> None:
        self._bind = bind
        self._serve = serve
        self._orphaned = orphaned
        self._listener = bind()
        self._pid = 0
        self._lifeline = -1
        self._not_before = 0.0

    @property
    def pid(self) -> int:
        """Of the process; 0 when there is none."""
        return self._pid

    def look_after(self, close_others: Callable[[], None] = lambda: None) -> None:
        """Start the process if there is none, or if it has ended.

        Args:
            close_others: called in the new process, to close what it must not keep open.
        """
        if self._pid and self._ended():
            _log.warning("the metrics' process has ended; it is started again", pid=self._pid)
            self._forget()
        if self._pid or time.monotonic() < self._not_before:
            return
        self._not_before = time.monotonic() + _PAUSE
        self._listener = self._listener or self._bind()
        if self._listener is not None:
            self._start(self._listener, close_others)

    def leave(self) -> None:
        """Close the port in a process that was forked for something else."""
        if self._listener is not None:
            self._listener.close()

    def stop(self) -> None:
        """End the process, and give the port back."""
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGTERM)
            self._forget()
        self.leave()

    def _start(self, listener: socket.socket, close_others: Callable[[], None]) -> None:
        lifeline, held = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid:
            os.close(held)
            self._pid, self._lifeline = pid, lifeline
            return
        try:
            os.close(lifeline)
            _reset_signals()
            close_others()
            self._serve(listener, lambda: os.getppid() != parent)
            self._orphaned()
        finally:
            # Not `sys.exit`: what the first process does at its end is not this one's to do. `held`
            # is open until here, and so tells the first process that this one lives.
            os._exit(0)

    def _ended(self) -> bool:
        """Tell by the pipe: whoever waits for all children may have taken the exit code."""
        return bool(select.select([self._lifeline], [], [], 0)[0])

    def _forget(self) -> None:
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)
        os.close(self._lifeline)
        self._pid, self._lifeline = 0, -1


def _reset_signals() -> None:
    """The first process's handlers came along with the fork."""
    signal.set_wakeup_fd(-1)
    for name in _IGNORED:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
