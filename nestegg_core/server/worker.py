"""waitress inside a worker of gunicorn: a thread gets a request when all of it is here.

gunicorn's first process looks after the workers; in each of them waitress's loop awaits heads and
bodies, keeps large bodies in files, and sends what a client takes slowly. Nothing on the loop ever
waits: closing and draining are awaited in the poller as well. What is ours is limits on time,
threads of their own for probes, a way out for the idlest when there are too many connections, and
the poller itself, for waitress's own looks at every connection at every turn.

This is the one file that leans on private parts of gunicorn and waitress: `pyproject.toml` bounds
their versions, and a test names those that it was written for. Neither has types.
"""

import logging
import os
import resource
import select
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import structlog
from gunicorn.workers.base import Worker  # type: ignore[import-untyped]
from waitress import wasyncore  # type: ignore[import-untyped]
from waitress.adjustments import Adjustments  # type: ignore[import-untyped]
from waitress.buffers import OverflowableBuffer  # type: ignore[import-untyped]
from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.parser import HTTPRequestParser  # type: ignore[import-untyped]
from waitress.server import TcpWSGIServer  # type: ignore[import-untyped]
from waitress.task import WSGITask  # type: ignore[import-untyped]

from nestegg_core.api.middleware.gates import REFUSED
from nestegg_core.observability.logs import traceback_of
from nestegg_core.server.http_rules import (
    MAX_HEAD,
    ChunkedBody,
    Refusal,
    check_begun_head,
    check_head,
    host_of,
)

HEAD_SECONDS = 15.0
"""How long a client may take for a request's head and small body, and before its first byte."""

SLOWEST = 1_024
"""Bytes a second: a body gets so much more time than that."""

REQUEST_SECONDS = 120.0
"""How long a whole request may take, from its first byte to the last of its answer."""

KEEPALIVE_SECONDS = 65.0
"""Longer than proxies keep an idle connection (60 seconds is usual), so that none sends a request
into one that is being closed."""

CONNECTIONS = 1_000
"""Of each process. For one more the idlest is closed."""

IN_MEMORY = 65_536
"""Bytes; more of a body is kept in a file."""

MAX_UNSENT = 32 * 1024 * 1024
"""Bytes of answers that clients have yet to take; of each process."""

_LINGER_SECONDS = 2.0
_STOPPING_SECONDS = 2.0
_BACKLOG = 2048
_SPARE_DESCRIPTORS = 200
_HEALTH = ("/health", "/readyz")
_LARGE_BODIES = 8
_NO_ROOM = "The server has no room for the body at present."
_DETAILS = {431: f"The head of a request may have {MAX_HEAD} bytes."}

_log = structlog.get_logger("nestegg.server")


class WaitressWorker(Worker):  # type: ignore[misc]
    def run(self) -> None:
        """Serve until the process is told to stop, or has lost its first process."""
        poller = _Poller()
        _Wakes(self.PIPE[0], map=poller)
        lanes = _Lanes(self.cfg.threads)
        server = _Server(self.wsgi, self.sockets[0].sock, poller, lanes, self.app.max_body_bytes)
        try:
            while self.alive and os.getppid() == self.ppid:
                self.notify()
                poller.turn()
                server.maintain()
            deadline = time.monotonic() + float(self.cfg.graceful_timeout)
            server.stop()
            while server.active_channels and time.monotonic() < deadline:
                self.notify()
                poller.turn()
                server.maintain()
        finally:
            lanes.shutdown()


class _Poller(dict[int, Any]):
    """waitress's map of what it waits for, and a poller that is told of changes alone."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._wanted: dict[int, int] = {}
        self._changed: deque[int] = deque()

    def __setitem__(self, number: int, waiting: Any) -> None:
        super().__setitem__(number, waiting)
        self._changed.append(number)

    def __delitem__(self, number: int) -> None:
        super().__delitem__(number)
        if self._wanted.pop(number, 0):
            self._selector.unregister(number)

    def look_at(self, number: int | None) -> None:
        """Ask anew what this one waits for; any thread may say so."""
        if number is not None:
            self._changed.append(number)

    def turn(self, seconds: float = 1.0) -> None:
        """Wait until something happens, and do what is to be done then."""
        while self._changed:
            self._register(self._changed.popleft())
        for key, events in self._selector.select(seconds):
            for event, happens in ((_READ, wasyncore.read), (_WRITE, wasyncore.write)):
                # By now it may be closed, and its number another's.
                if events & event and self.get(key.fd) is key.data:
                    happens(key.data)
            self._changed.append(key.fd)

    def _register(self, number: int) -> None:
        waiting = self.get(number)
        if waiting is None:
            return
        wanted = _READ if waiting.readable() else 0
        if waiting.writable() and not waiting.accepting:
            wanted |= _WRITE
        known = self._wanted.get(number, 0)
        self._wanted[number] = wanted
        if wanted and not known:
            self._selector.register(number, wanted, waiting)
        elif known and not wanted:
            self._selector.unregister(number)
        elif known != wanted:
            self._selector.modify(number, wanted, waiting)


_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class _Wakes(wasyncore.file_dispatcher):  # type: ignore[misc]
    """The pipe into which Python writes when a signal comes."""

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def handle_read(self) -> None:
        self.recv(4096)


class _Lanes:
    """The threads: those for requests, and beside them some for each kind of probe."""

    def __init__(self, threads: int) -> None:
        self._requests = ThreadPoolExecutor(threads, "request")
        self._livez = ThreadPoolExecutor(1, "livez")
        self._health = ThreadPoolExecutor(2, "health")

    def add_task(self, channel: "_Channel") -> None:
        path = channel.requests[0].path
        lane = self._requests
        if path == "/livez":
            lane = self._livez
        elif path in _HEALTH:
            lane = self._health
        lane.submit(channel.serve)

    def shutdown(self) -> None:
        for lane in (self._requests, self._livez, self._health):
            lane.shutdown(wait=False, cancel_futures=True)


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """waitress's, stricter; what it refuses, the application answers."""

    version = "1.1"
    path = request_uri = "/"
    command = "GET"
    query = fragment = ""
    url_scheme = "http"
    error: Any
    completed: bool
    expect_continue: bool

    def received(self, data: bytes) -> int:
        try:
            if self.body_rcv is None:
                check_begun_head((self.header_plus + data).partition(b"\r\n\r\n")[0])
            taken = int(super().received(data))
        except Refusal as refusal:
            self.error = refusal
        except OSError as error:  # no room for the file, or no folder for it
            _log.error("a body cannot be kept while it comes", why=error.strerror)
            self.error = Refusal(503, _NO_ROOM)
        if self.error is None and not self.adj.room.take(self, len(self.body_rcv or b"")):
            self.error = Refusal(503, _NO_ROOM)
        if self.error is not None:
            self.refuse(self.error)
            return len(data)  # the connection ends with the answer
        if self.body_rcv is None:
            self.expect_continue = False
        return taken

    def refuse(self, error: Any) -> None:
        """Have it answered with an error, whatever more was to come of it."""
        self.error, self.completed, self.expect_continue = error, True, False

    def close(self) -> None:
        super().close()
        self.adj.room.give_back(self)

    def parse_header(self, header_plus: bytes) -> None:
        check_head(header_plus)
        try:
            super().parse_header(header_plus)
        except ValueError:
            raise Refusal(400, "The target is malformed.") from None
        if self.path.startswith("//"):
            raise Refusal(400, "A path begins with one slash.")
        if host := host_of(self.request_uri):
            self.headers["HOST"], self.path = host, self.path or "/"
        _plain_connection(self.headers)
        limit = self.adj.largest_body(self.command, self.path)
        if self.content_length > limit:
            raise Refusal(413, f"A body may have {limit} bytes.")
        if self.chunked:
            self.body_rcv = ChunkedBody(OverflowableBuffer(self.adj.inbuf_overflow), limit)


def _plain_connection(headers: dict[str, str]) -> None:
    """Leave of `Connection` what waitress looks for, which knows no lists."""
    options = {one.strip().lower() for one in headers.get("CONNECTION", "").split(",")}
    for option in ("close", "keep-alive"):
        if option in options:
            headers["CONNECTION"] = option
            return


class _Task(WSGITask):  # type: ignore[misc]
    def get_environment(self) -> dict[str, Any]:
        environment: dict[str, Any] = super().get_environment()
        environment["SERVER_SOFTWARE"] = "nestegg"
        if self.request.error is not None:
            error = self.request.error
            detail = getattr(error, "detail", _DETAILS.get(error.code, "The request is malformed."))
            environment[REFUSED] = (error.code, detail)
        return environment

    def execute(self) -> None:
        if self.request.error is not None or self.channel.server.stopping:
            super().set_close_on_finish()
        super().execute()

    def set_close_on_finish(self) -> None:
        """Keep the connection behind an answer without a body; waitress would close it."""
        closing = self.request.headers.get("CONNECTION") == "close" or self.version == "1.0"
        if self.has_body or closing:
            super().set_close_on_finish()

    def finish(self) -> None:
        if not self.wrote_header:
            self.write(b"")
        if self.request.command == "HEAD":
            self.chunked_response = False
        super().finish()


class _Channel(HTTPChannel):  # type: ignore[misc]
    parser_class = _Parser
    task_class = error_task_class = _Task
    request: Any
    close_when_flushed: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.begun = self.seen = time.monotonic()
        self.served = self.lingers = False
        super().__init__(*args, **kwargs)

    def serve(self) -> None:
        """Runs in a thread."""
        self.server.make_way()
        try:
            self.service()
        except BaseException as error:  # a thread must go on, whatever an application raises
            _log.error("a request broke off in the server", exception=traceback_of(error))
            self.will_close = True
        finally:
            self.seen, self.served = time.monotonic(), True
            self.wake()

    def received(self, data: bytes) -> bool:
        self.seen = time.monotonic()
        if self.request is None:
            self.begun = self.seen
        return bool(super().received(data))

    def readable(self) -> bool:
        return self.lingers or bool(super().readable())

    def handle_read(self) -> None:
        try:
            data = self.socket.recv(self.adj.recv_bytes)
        except BlockingIOError:
            return
        except OSError:  # it is gone, whatever its network calls that
            self.handle_close()
            return
        if not data:
            self._no_more_comes()
        elif not self.lingers:
            self.received(data)

    def _no_more_comes(self) -> None:
        """Close, or answer a body that ends early: who has sent all they can may still read."""
        request = self.request
        if self.lingers or request is None or request.body_rcv is None:
            self.handle_close()
            return
        self.request = None
        request.refuse(Refusal(400, "The body ends early."))
        with self.requests_lock:
            self.requests.append(request)
            if len(self.requests) == 1:
                self.server.add_task(self)

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Send what the client takes now. One that is gone takes nothing, and the loop closes it.

        waitress closes it within, and goes on with what it has closed; threads send as well.
        """
        del do_close
        try:
            return int(self.socket.send(data))
        except BlockingIOError:
            return 0
        except OSError:
            self.will_close = True
            return 0

    def _flush_some(self, do_close: bool = True) -> bool:
        # A thread may have waited for the lock while the loop closed it.
        return self.connected and bool(super()._flush_some(do_close))

    def handle_write(self) -> None:
        """Say that no more comes, and let the client read to the end before the socket closes.

        Closed with unread bytes it would be reset, and the answer might be lost with it.
        """
        self._flush_exception(self._flush_some if not self.requests else None)
        if self.close_when_flushed and not (self.total_outbufs_len or self.will_close):
            self.close_when_flushed, self.lingers, self.seen = False, True, time.monotonic()
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
            return
        super().handle_write()

    def handle_close(self) -> None:
        """Close it, on the loop alone, and while no thread sends or begins another request."""
        with self.requests_lock, self.outbuf_lock:
            if self.request is not None:
                _log.info("a request did not come to its end")
                self.request.close()
                self.request = None
            super().handle_close()
        self._map.look_at(self.server._fileno)  # there is room for another
        self.server.tell_unsent(self)

    def write_soon(self, data: Any) -> int:
        written = int(super().write_soon(data))
        if self.total_outbufs_len:
            self.wake()
        return written

    def _flush_outbufs_below_high_watermark(self) -> None:
        if self.total_outbufs_len > self.adj.outbuf_high_watermark:
            self.wake()  # for this waits until the loop has sent something
        super()._flush_outbufs_below_high_watermark()

    def wake(self) -> None:
        self.server.tell_unsent(self)
        self._map.look_at(self._fileno)
        self.server.trigger.pull_trigger()

    def is_late(self, now: float) -> bool:
        if self.lingers:
            return now > self.seen + _LINGER_SECONDS
        if self.requests or self.total_outbufs_len:
            return now > self.begun + REQUEST_SECONDS
        if self.request is not None:
            more = self.request.body_bytes_received / SLOWEST
            return bool(now > self.begun + min(HEAD_SECONDS + more, REQUEST_SECONDS))
        if not self.served:
            return now > self.begun + HEAD_SECONDS
        return now > self.seen + (_STOPPING_SECONDS if self.server.stopping else KEEPALIVE_SECONDS)

    def give_up(self) -> None:
        self.will_close = True
        self.wake()


class _Server(TcpWSGIServer):  # type: ignore[misc]
    channel_class = _Channel

    def __init__(
        self,
        application: Any,
        listener: socket.socket,
        poller: _Poller,
        lanes: _Lanes,
        max_body_bytes: int,
    ) -> None:
        adjustments = Adjustments(
            sockets=[listener],
            backlog=_BACKLOG,
            clear_untrusted_proxy_headers=False,  # `ClientAddresses` sees to that
            ident=None,
            inbuf_overflow=IN_MEMORY,
            log_socket_errors=False,
            max_request_body_size=2**62,  # `_Parser` sees to that
            max_request_header_size=MAX_HEAD,
            recv_bytes=IN_MEMORY,
        )
        adjustments.largest_body = application.largest_body
        adjustments.room = _Room(_LARGE_BODIES * max_body_bytes)
        self.stopping = False
        self._most = _connections()
        self._poller = poller
        self._next_look = 0.0
        self._unsent: dict[_Channel, int] = {}
        where = (listener.family, listener.type, listener.proto, listener.getsockname())
        super().__init__(
            application,
            poller,
            _sock=listener,
            dispatcher=lanes,
            adj=adjustments,
            sockinfo=where,
            bind_socket=False,
        )

    def readable(self) -> bool:
        return bool(self.accepting) and self._has_room()

    def handle_accept(self) -> None:
        if len(self.active_channels) >= self._most and (idlest := self._idlest()) is not None:
            idlest.handle_close()
        super().handle_accept()

    def pull_trigger(self) -> None:
        """Do nothing: a channel wakes the loop itself, and says whom to look at."""

    def tell_unsent(self, channel: _Channel) -> None:
        """Keep how much of answers a client has yet to take."""
        if channel.total_outbufs_len:
            self._unsent[channel] = channel.total_outbufs_len
        else:
            self._unsent.pop(channel, None)

    def make_way(self) -> None:
        """Give up the slowest client where answers that nobody takes fill the memory."""
        if self._unsent and sum(list(self._unsent.values())) > MAX_UNSENT:
            min(list(self._unsent), key=lambda channel: channel.begun).give_up()

    def maintain(self) -> None:
        """Give up, once a second, what has had its time."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + 1.0
        for channel in list(self.active_channels.values()):
            self.tell_unsent(channel)
            if channel.is_late(now):
                channel.give_up()
        if self.accepting:
            self._poller.look_at(self._fileno)

    def stop(self) -> None:
        self.stopping = True
        for _ in range(_BACKLOG):  # those that the kernel has let in already
            if not select.select([self.socket], [], [], 0)[0]:
                break
            self.handle_accept()
        self.accepting = False
        self.del_channel()
        self.socket.close()

    def _has_room(self) -> bool:
        return len(self.active_channels) < self._most or self._idlest() is not None

    def _idlest(self) -> _Channel | None:
        idle: Iterable[_Channel] = (
            channel for channel in self.active_channels.values() if not channel.requests
        )
        return min(idle, key=lambda channel: channel.seen, default=None)


def _connections() -> int:
    """Return how many connections there may be: each has a descriptor, and one for its body."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTIONS + _SPARE_DESCRIPTORS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(1, min(CONNECTIONS, (wanted - _SPARE_DESCRIPTORS) // 2))


class _Room:
    """What bodies that come may take in files, all together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._by: dict[_Parser, int] = {}
        self._lock = threading.Lock()

    def take(self, request: "_Parser", size: int) -> bool:
        """Tell whether a request's body may have grown to a size."""
        if size <= IN_MEMORY:
            return True
        with self._lock:
            self._taken += size - self._by.get(request, 0)
            self._by[request] = size
            return self._taken <= self._limit

    def give_back(self, request: "_Parser") -> None:
        with self._lock:
            self._taken -= self._by.pop(request, 0)


class _Plain(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        for words, plain in _WORDS.items():
            if record.msg.startswith(words):
                record.msg, record.args = plain, ()
        return True


_WORDS = {
    "Client disconnected while serving": "a client left before it had its answer",
    "Exception while serving": "a request broke off in the server",
}
logging.getLogger("waitress").addFilter(_Plain())
