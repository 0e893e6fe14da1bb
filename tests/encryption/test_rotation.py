"""Rotation as it is lived: three times, killed in the middle, beside others who go on writing."""

import random
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from nestegg_core import Conflict
from nestegg_core.application import Runtime
from nestegg_core.encryption.rewrap import rewrap
from nestegg_core.encryption.usage import retire, verify
from support.command_line import environ
from support.rotation import MARK, Notes, Place, Process, dump, keys, kinds, later
from support.serving import Serve

PROGRAM = """
import sys
from nestegg_core.encryption.rewrap import rewrap
from nestegg_core.application import start

def report(_):
    print("batch", flush=True)
    sys.stdin.readline()

runtime = start()
runtime.check_keys()
rewrap(runtime.keys, report=report, batch=3)
"""
"""Rewraps, and goes on after each batch only when it is told to."""

_PACE = 0.003
"""Seconds between two writes of one writer."""


_FEWEST_BATCHES = 12
"""What a rewrap needs at least, though the other writers do half of its work."""


def kill_in_the_middle(variables: dict[str, str], folder: Path, chance: random.Random) -> None:
    """Run rewrap in a process, and kill it during one of three batches somewhere: not before the
    first, when it holds no lease yet, and before the last, when it would give it back.
    """
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=environ(variables),
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        for _ in range(1 + chance.randrange(_FEWEST_BATCHES - 4)):
            assert process.stdout.readline() == "batch\n"
            process.stdin.write("\n")
            process.stdin.flush()
        process.stdin.write("\n" * 3)
        process.stdin.flush()
        for _ in range(chance.randrange(3)):
            assert process.stdout.readline() == "batch\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL


@contextmanager
def writing(
    runtime: Runtime, notes: Notes, places: list[Place], chance: random.Random
) -> Iterator[None]:
    """Write notes at random until the block ends."""
    stop = Event()

    def write() -> None:
        number = 0
        while not stop.wait(_PACE):
            number += 1
            version = runtime.keys.keyring.current
            notes.write(runtime, chance.choice(places), f"{MARK} {number} under {version}")

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        try:
            yield
        finally:
            stop.set()
        writer.result()


def test_no_value_is_lost_in_three_rotations(
    serve: Serve, process: Process, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    chance = random.Random(seed)  # noqa: S311 - for choosing, not for secrets
    postgres = "DATABASE_URL" in serve.variables
    tools = request.getfixturevalue("postgres").tools if postgres else None
    notes = Notes()
    notes.furnish(process(1), 2, 40)
    places = sorted(notes.texts)
    for version in (2, 3, 4):
        # One process has still the old key for new values, and reads the next one already.
        old = process(version - 1, version)
        new = process(version, version - 1)
        with writing(new, notes, places[1::2], random.Random(chance.random())):  # noqa: S311
            with writing(old, notes, places[::2], random.Random(chance.random())):  # noqa: S311
                variables = {**serve.variables, **keys(version, version - 1)}
                kill_in_the_middle(variables, tmp_path, chance)
                with pytest.raises(Conflict, match="If it was killed"):
                    rewrap(new.keys)
                assert len(verify(new.keys).failures) == 0
                assert MARK.encode() not in dump(serve.variables, tools)
            assert rewrap(replace(new.keys, clock=later(60)), batch=7).left == 0
        assert notes.read(new) == notes.texts
        assert kinds(new.storage) == {("fernet", version)}
        assert MARK.encode() not in dump(serve.variables, tools)
        retire(new.keys, version - 1)
    assert notes.read(process(4)) == notes.texts
