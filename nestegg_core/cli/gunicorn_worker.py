"""gunicorn's threaded worker, with two promises more: whoever sends slowly holds no thread, and
probes do not wait behind requests that wait for a database.

A request is handed to a thread once its head, and a small body, are here. Until then the
connection lies in the poller, which the kernel wakes for the bytes that are missing and not for
each one that comes (`SO_RCVLOWAT`). What has not come after a while is given up.
"""

import re
import selectors
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]  # has no types

HEAD_SECONDS = 15.0
"""How long a client may take for a request's head and small body."""

REQUEST_SECONDS = 120.0
"""How long a whole request may take, large uploads included; then its connection is cut."""

SMALL_BODY = 32_768
"""Bytes; a larger body is read by the thread that answers."""

_PEEK = 65_536
_HEAD_END = b"\r\n\r\n"
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r\n", re.IGNORECASE)
# A client that sends these waits for a word of ours, or does not say how much is to come.
_NO_WAITING = re.compile(rb"\r\n(?:expect|transfer-encoding):", re.IGNORECASE)
_PROBE = re.compile(rb"(?:GET|HEAD) (/livez|/readyz|/health)[ ?]")


def missing(received: bytes) -> int:
    """Return how many bytes must be here, in all, before a thread should look; 0 for enough.

    Example:
        >>> missing(b"GET / HTTP/1.1"), missing(b"GET / HTTP/1.1" + _HEAD_END)
        (15, 0)
        >>> missing(b"POST / HTTP/1.1\\r\\nContent-Length: 5" + _HEAD_END + b"123")
        43
    """
    if len(received) >= _PEEK:
        return 0
    end = received.find(_HEAD_END)
    if end < 0:
        return len(received) + 1
    head = received[: end + 2]
    length = _CONTENT_LENGTH.search(head)
    if length is None or int(length[1]) > SMALL_BODY or _NO_WAITING.search(head):
        return 0
    whole = end + len(_HEAD_END) + int(length[1])
    return whole if len(received) < whole else 0


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Answers requests that are here; see this file's head."""

    def init_process(self) -> None:
        """Make a thread or two for each kind of probe, beside those for requests."""
        health = ThreadPoolExecutor(2, "health")
        self._lanes = {
            b"/livez": ThreadPoolExecutor(1, "livez"),
            b"/health": health,
            b"/readyz": health,
        }
        self._waits: dict[Any, tuple[float, int]] = {}
        self._begun: dict[Any, float] = {}
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection to a thread if its request is here, else wait for the rest."""
        received = _peek(conn)
        if received is None:  # gone, or already read: a thread finds out
            self._submit(conn, b"")
            return
        since, wanted = self._waits.pop(conn, (time.monotonic(), 0))
        enough = missing(received)
        # Woken with fewer bytes than were asked for: the client will send no more.
        if enough == 0 or len(received) < wanted:
            if wanted:
                _wake_at(conn, 1)
            self._submit(conn, received)
            return
        self._waits[conn] = (since, enough)
        _wake_at(conn, enough)
        conn.sock.setblocking(False)
        conn.timeout = since + HEAD_SECONDS
        self.pending_conns.append(conn)
        wake = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, wake)

    def _submit(self, conn: Any, received: bytes) -> None:
        conn.data_ready = True
        self._begun[conn] = time.monotonic()
        probe = _PROBE.match(received)
        lane = self._lanes[probe[1]] if probe else self.tpool
        done = lane.submit(self.handle, conn)
        done.add_done_callback(lambda it: self.method_queue.defer(self.finish_request, conn, it))

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Keep the connection or close it, as gunicorn does."""
        self._begun.pop(conn, None)
        super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Give up what did not come in time, and cut what takes too long. Called every second."""
        now = time.monotonic()
        # The base takes the first ones only, and ours are not in the order of their time.
        late = [conn for conn in self.pending_conns if conn.timeout <= now]
        for conn in late:
            self.pending_conns.remove(conn)
            self._waits.pop(conn, None)
            self.poller.unregister(conn.sock)
            self.nr_conns -= 1
            conn.close()
        for conn, begun in self._begun.items():
            if begun + REQUEST_SECONDS <= now:
                _cut(conn)


def _peek(conn: Any) -> bytes | None:
    """Return what has come and was not read; `None` where looking at the socket is no use."""
    if conn.parser is not None and conn.parser.unreader.buf.getvalue():
        return None  # the next request came with the one before and lies in the parser
    try:
        received: bytes = conn.sock.recv(_PEEK, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return b""
    except OSError:
        return None
    return received or None


def _wake_at(conn: Any, count: int) -> None:
    conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)


def _cut(conn: Any) -> None:
    """End both directions, so that a thread which waits for the client gets an error."""
    with suppress(OSError):
        conn.sock.shutdown(socket.SHUT_RDWR)
