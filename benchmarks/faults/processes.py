"""What may happen to the server's own processes under load."""

import random
import signal
import time
from contextlib import suppress

import psutil

from benchmarks.faults.report import Report
from benchmarks.faults.scene import Scene, durable_postgres, scene, wait_for
from benchmarks.faults.verdict import judge
from benchmarks.faults.writers import writing

BEFORE = 1.0


def workers_killed(seconds: float) -> Report:
    """Kill processes that answer requests at random moments."""
    chance = random.Random(17)  # noqa: S311 - chooses whom to kill
    with durable_postgres() as postgres, scene(postgres) as it, writing(it) as writers:
        until, kills = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            time.sleep(chance.uniform(0.2, 1.5))
            if victims := it.server.children(servers=False):
                with suppress(psutil.NoSuchProcess):
                    chance.choice(victims).kill()
                    kills += 1
        ended = time.monotonic()
        time.sleep(BEFORE)
        return judge(
            it,
            "server processes killed with SIGKILL",
            writers.finish(),
            ended,
            notes=f"{kills} kills",
            seconds=seconds,
        )


def rolled(seconds: float) -> Report:
    """Start the server anew under load: SIGUSR2 for a new one, SIGTERM for the old one."""
    with durable_postgres() as postgres, scene(postgres) as it, writing(it) as writers:
        until, rolls = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            time.sleep(BEFORE)
            roll(it)
            rolls += 1
        ended = time.monotonic()
        time.sleep(BEFORE)
        return judge(
            it,
            "rolling restart (SIGUSR2, then SIGTERM)",
            writers.finish(),
            ended,
            notes=f"{rolls} restarts",
            seconds=seconds,
        )


def roll(it: Scene) -> None:
    """Replace the server by a new one that listens on the same socket.

    Raises:
        RuntimeError: the new one does not come up.
    """
    it.server.process.send_signal(signal.SIGUSR2)
    wait_for(lambda: bool(it.server.children(servers=True)), "a new server")
    (new,) = it.server.children(servers=True)
    wait_for(lambda: len(new.children()) > 1, "the new server's processes")
    it.server.succeeded_by(new)
