"""What clients may do to a server: announce and stay silent, send nonsense, or only connect."""

import asyncio
import resource
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import requests

from benchmarks.faults.proxies import behind
from benchmarks.faults.report import Report
from benchmarks.faults.scene import Scene, scene
from benchmarks.servers import running_postgres

OF_EACH_FORM = 100
IDLE = 2_300
PROBE_SECONDS = 1.0
"""Within which a probe must be answered."""

REQUEST_SECONDS = 2.0
"""Within which a well-behaved client must be answered."""

_PAUSE = 1.0
_PATIENCE = 10.0

_HEAD = (
    b"POST /api/v1/organizations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
)
_LARGE = b"Content-Length: 40000\r\n\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
_TOKEN = b"Authorization: Bearer %s\r\n"

FORMS = {
    "nothing": b"",
    "half a head": _HEAD,
    "a head without end": b"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\n"
    + b"".join(b"X-%d: %s\r\n" % (number, b"a" * 8_000) for number in range(9)),
    "a small body": _HEAD + b"Content-Length: 20\r\n\r\n",
    "a large body": _HEAD + _LARGE,
    "a large body, begun": _HEAD + _LARGE + b"{",
    "chunks": _HEAD + _CHUNKED,
    "chunks, begun": _HEAD + _CHUNKED + b"1\r\n{\r\n",
    "a body that is asked for": _HEAD + b"Expect: 100-continue\r\nContent-Length: 20\r\n\r\n",
    "a small body behind a token": _HEAD + _TOKEN + b"Content-Length: 20\r\n\r\n",
    "a large body behind a token": _HEAD + _TOKEN + _LARGE,
    "a body for a probe": b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + _LARGE,
    "close, and no close": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "HTTP/1.0": b"GET /livez HTTP/1.0\r\n\r\n",
    "garbage": b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
}
"""What a client sends before it falls silent, with its side kept open."""


@dataclass
class Answers:
    """How long a well-behaved client has waited, by what it asked."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {"/livez": [], "/me": []})
    failed: int = 0

    def late(self) -> int:
        """Count the answers that did not come in time."""
        limits = {"/livez": PROBE_SECONDS, "/me": REQUEST_SECONDS}
        waits = [(limits[name], one) for name, all_ in self.seconds.items() for one in all_]
        return self.failed + sum(wait > limit for limit, wait in waits)

    def told(self) -> str:
        """Return the longest waits, for users."""
        longest = {name: max(all_, default=0.0) for name, all_ in self.seconds.items()}
        return ", ".join(f"{name} {1000 * wait:.0f} ms at most" for name, wait in longest.items())


def silent(seconds: float, of_each: int = OF_EACH_FORM, proxy: str = "") -> Report:
    """Have clients of every form, all at the same time, that announce something and wait.

    Args:
        seconds: how long.
        of_each: how many of each form.
        proxy: of the guide, before the server: `nginx`, `caddy`, or none.
    """
    with running_postgres() as postgres, ExitStack() as stack:
        it = stack.enter_context(scene(postgres))
        port = stack.enter_context(behind(proxy, it.port)) if proxy else it.port
        token = it.headers["Authorization"].removeprefix("Bearer ").encode()
        sent = [form.replace(b"%s", token) for form in FORMS.values() for _ in range(of_each)]
        fault = f"{len(sent)} clients that fall silent{proxy and ', behind '}{proxy}"
        notes = f"{of_each} of each of {len(FORMS)} forms"
        return _endured(it, port, sent, seconds, fault=fault, notes=notes)


def idle(seconds: float, clients: int = IDLE) -> Report:
    """Have more connections than the server keeps."""
    fault = f"{clients} connections that ask nothing"
    with running_postgres() as postgres, scene(postgres) as it:
        return _endured(it, it.port, [b""] * clients, seconds, fault=fault)


def _endured(
    it: Scene, port: int, sent: Sequence[bytes], seconds: float, *, fault: str, notes: str = ""
) -> Report:
    before = {one.pid for one in it.server.children(servers=False)}
    with attacking(port, sent):
        answers = ask(f"http://127.0.0.1:{port}", it.headers, seconds)
    died = len(before - {one.pid for one in it.server.children(servers=False)})
    told = [notes, answers.told(), f"lasted {seconds:.0f} s"]
    return Report(
        fault=fault,
        asked=sum(map(len, answers.seconds.values())) + answers.failed,
        lost=answers.late() + died,
        doubled=0,
        half_done=0,
        failed=answers.failed,
        recovery=None,
        notes="; ".join(part for part in told if part),
    )


def ask(address: str, headers: dict[str, str], seconds: float) -> Answers:
    """Be a well-behaved client for a while."""
    answers, until = Answers(), time.monotonic() + seconds
    pause = threading.Event()
    while time.monotonic() < until:
        for name, path in (("/livez", "/livez"), ("/me", "/api/v1/me")):
            began = time.monotonic()
            try:
                requests.get(address + path, headers=headers, timeout=_PATIENCE).raise_for_status()
            except requests.RequestException:
                answers.failed += 1
            else:
                answers.seconds[name].append(time.monotonic() - began)
        pause.wait(0.2)
    return answers


@contextmanager
def attacking(port: int, sent: Sequence[bytes]) -> Iterator[None]:
    """Keep one connection for each of these; where the server closes it, connect anew."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    over = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_attack(port, sent, over)))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


async def _attack(port: int, sent: Sequence[bytes], over: threading.Event) -> None:
    clients = [asyncio.create_task(_client(port, one)) for one in sent]
    while not over.is_set():
        await asyncio.sleep(0.1)
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)


async def _client(port: int, sent: bytes) -> None:
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(sent)
                while await reader.read(65_536):
                    pass  # it keeps its side open until the server has closed both
                await asyncio.sleep(_PAUSE)
            finally:
                writer.close()
        await asyncio.sleep(_PAUSE)
