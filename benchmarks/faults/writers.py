"""Clients that book transactions, each under a key of its own, and try again until it is taken."""

import itertools
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests

from benchmarks.faults.scene import Scene

THREADS = 8
AMOUNT = "-1.00"
PAUSE = 0.1
TIMEOUT = 90.0
SETTLE = 120.0


@dataclass
class Writes:
    """What the clients asked for.

    Attributes:
        confirmed: keys that were answered 201, with the moment.
        failed: moments of answers other than 201, lost connections included.
        refused: keys that got an answer which trying again does not change.
        retry_after: whether every 503 said when to come again.
    """

    confirmed: dict[str, float] = field(default_factory=dict)
    failed: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    retry_after: bool = True

    def recovery(self, ended: float) -> float | None:
        """Return the seconds from a fault's end to the next success; `None` if none failed."""
        if not self.failed:
            return None
        return min(moment for moment in self.confirmed.values() if moment > ended) - ended


class Writers:
    """So many clients, each with one request under way."""

    def __init__(self, scene: Scene, threads: int = THREADS) -> None:
        self._scene = scene
        self.writes = Writes()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name=f"writer {number}")
            for number in range(threads)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> Writes:
        """Begin no further write, and return when those under way were taken."""
        self._stop.set()
        for thread in self._threads:
            thread.join(SETTLE)
            if thread.is_alive():
                raise RuntimeError("a write was not taken, long after the fault")
        return self.writes

    def _run(self, number: int) -> None:
        accounts: Sequence[str] = self._scene.accounts
        with requests.Session() as session:
            for count in itertools.count(number):
                if self._stop.is_set():
                    return
                self._book(session, accounts[count % len(accounts)])

    def _book(self, session: requests.Session, account: str) -> None:
        key = uuid.uuid4().hex
        body = {"account_id": account, "date": "2026-03-15", "amount": AMOUNT, "payee": key}
        headers = {**self._scene.headers, "Idempotency-Key": key}
        while True:
            try:
                url = self._scene.url("transactions")
                answer = session.post(url, json=body, headers=headers, timeout=TIMEOUT)
            except requests.RequestException:
                self.writes.failed.append(time.monotonic())
            else:
                if answer.status_code == requests.codes.created:
                    self.writes.confirmed[key] = time.monotonic()
                    return
                self.writes.failed.append(time.monotonic())
                if answer.status_code == requests.codes.service_unavailable:
                    self.writes.retry_after &= "Retry-After" in answer.headers
                elif answer.status_code not in {409, 429, 500, 502, 504}:
                    self.writes.refused.append(key)
                    return
            time.sleep(PAUSE)


@contextmanager
def writing(scene: Scene) -> Iterator[Writers]:
    """Write while the block runs; the clients are ended whatever happens."""
    writers = Writers(scene)
    writers.start()
    try:
        yield writers
    finally:
        writers._stop.set()
