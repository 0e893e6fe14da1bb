"""A plugin whose jobs leave traces: each run writes a line to the file that it is told of."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nestegg_core import JobRegistration, hookimpl


def mark(arguments: Mapping[str, Any]) -> None:
    """Write a line; wait before it for `seconds`."""
    time.sleep(arguments.get("seconds", 0))
    _write(arguments["file"], str(arguments.get("number", os.getpid())))


def hang_at_first(arguments: Mapping[str, Any]) -> None:
    """Hang in the first run and say in which process; write a line in every further one."""
    begun = Path(f"{arguments['file']}.begun")
    if not begun.exists():
        _write(str(begun), str(os.getpid()))
        time.sleep(600)
    mark(arguments)


def crash(arguments: Mapping[str, Any]) -> None:
    """Take the process along."""
    _write(arguments["file"], "crash")
    os.kill(os.getpid(), signal.SIGKILL)


def fail(arguments: Mapping[str, Any]) -> None:
    """Fail with an error that repeats what it was given."""
    _write(arguments["file"], "fail")
    raise ZeroDivisionError(f"divided {arguments['file']} by nothing")


def tick(_arguments: Mapping[str, Any]) -> None:
    """Do nothing, on schedule."""


def _write(file: str, line: str) -> None:
    """Append in one call, so that lines of several processes do not mix."""
    number = os.open(file, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    try:
        os.write(number, f"{line}\n".encode())
    finally:
        os.close(number)


@hookimpl
def nestegg_jobs() -> list[JobRegistration]:
    return [
        JobRegistration("mark", mark),
        JobRegistration("heavy_mark", mark, queue="heavy"),
        JobRegistration("hang_at_first", hang_at_first),
        JobRegistration("heavy_hang_at_first", hang_at_first, queue="heavy"),
        JobRegistration("crash", crash),
        JobRegistration("fail", fail),
        JobRegistration("tick", tick, schedule="* * * * *"),
    ]
