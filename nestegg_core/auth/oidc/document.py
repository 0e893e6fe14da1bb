"""One document of a provider: what it may be, and how long it may take."""

import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

MAX_DOCUMENT_BYTES = 256 * 1024


class FetchFailed(Exception):
    """A document could not be had; the message says why, for logs."""


@dataclass(frozen=True, slots=True)
class Document:
    """What was fetched."""

    content: bytes = field(repr=False)
    cache_control: str = ""
    age: int = 0  # seconds that a proxy had kept the answer (RFC 9111, 5.1)


class Deadline:
    """One time limit for connecting, for the answer's head and for its body together.

    The limits of sockets hold for single reads, so that a server that sends a byte now and then
    could keep a thread for ever. When the time is up, this shuts the connections down instead.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends = 0.0
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "Deadline":
        self._ends = time.monotonic() + self._seconds
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            while self._sockets:
                self._sockets.pop().close()

    def remaining(self) -> float:
        """Return the seconds that are left, never less than a millisecond."""
        return max(0.001, self._ends - time.monotonic())

    def check(self) -> None:
        """Raise when the time is up."""
        if time.monotonic() >= self._ends:
            raise FetchFailed(f"there was no complete answer within {self._seconds:g} seconds")

    def watch(self, connection: socket.socket) -> None:
        """Shut this connection down when the time is up, at once if it is up already."""
        with self._lock:
            # A duplicate, because wrapping a socket in TLS takes its descriptor away.
            self._sockets.append(connection.dup())
        if time.monotonic() >= self._ends:
            self._cut()

    def _cut(self) -> None:
        with self._lock:
            for connection in self._sockets:
                with suppress(OSError):  # it was closed by the other side already
                    connection.shutdown(socket.SHUT_RDWR)
