"""A load generator: keep-alive connections that send one request again and again.

It runs as a process of its own, so that it competes for the cores as a real client would, and it
stops by itself. It speaks just enough HTTP/1.1 to be cheap: a generator that costs as much as
the server would measure itself.
"""

import json
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from statistics import quantiles

HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Load:
    """What was measured.

    Attributes:
        rate: answers a second.
        p50: median time of an answer, in milliseconds.
        p99: time that 99 of 100 answers took at most, in milliseconds.
    """

    rate: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Request:
    """What is sent again and again, to a server on loopback."""

    port: int
    path: str
    headers: dict[str, str]


def measure(request: Request, *, connections: int, seconds: float) -> Load:
    """Send GET requests from another process, and return what it measured.

    Raises:
        RuntimeError: an answer was no 200.
    """
    order = {"request": asdict(request), "connections": connections, "seconds": seconds}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 60,
    )
    if done.returncode:
        raise RuntimeError(f"the load failed: {done.stderr.strip().splitlines()[-1]}")
    return Load(**json.loads(done.stdout))


class _Connection:
    """One keep-alive connection with one request under way."""

    def __init__(self, port: int, request: bytes) -> None:
        self._request = request
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._started = 0.0

    def send(self) -> None:
        self._started = time.perf_counter()
        self.socket.sendall(self._request)

    def receive(self) -> float | None:
        """Return the seconds that the answer took, once all of it is here."""
        chunk = self.socket.recv(262_144)
        if not chunk:
            raise RuntimeError("the server closed the connection")
        self._buffer += chunk
        head, found, body = self._buffer.partition(HEAD_END)
        if not found:
            return None
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.split(b"\r\n")[0].decode() + body[:500].decode())
        if len(body) < _content_length(head):
            return None
        self._buffer = b""
        return time.perf_counter() - self._started


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    start = lowered.index(b"content-length:") + len(b"content-length:")
    return int(lowered[start:].split(b"\r\n", 1)[0])


def run(request: Request, connections: int, seconds: float) -> Load:
    """Send requests on every connection until the time is over."""
    lines = [f"GET {request.path} HTTP/1.1", f"Host: 127.0.0.1:{request.port}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    message = "\r\n".join(lines).encode() + HEAD_END
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        connection = _Connection(request.port, message)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send()
    times: list[float] = []
    started = time.perf_counter()
    while (now := time.perf_counter()) < started + seconds:
        for key, _ in selector.select(timeout=1):
            took = key.data.receive()
            if took is not None:
                times.append(took * 1000)
                key.data.send()
    cuts = quantiles(times, n=100)
    return Load(rate=len(times) / (now - started), p50=cuts[49], p99=cuts[98])


def _main() -> None:
    order = json.load(sys.stdin)
    load = run(Request(**order["request"]), order["connections"], order["seconds"])
    sys.stdout.write(json.dumps(asdict(load)))


if __name__ == "__main__":
    _main()
