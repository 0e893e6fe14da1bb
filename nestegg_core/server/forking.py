"""What is built before a process forks is in memory once, if nothing of it is alive.

Threads do not cross a fork, and a connection must not. The core starts and opens neither before
its first use; a plugin may as it is made, and then each process builds services of its own.
"""

import gc
import os
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

import structlog

_STANDARD = 3  # descriptors below are the terminal's, or the supervisor's socket for the logs
_log = structlog.get_logger("nestegg.start")


def may_cross_a_fork() -> bool:
    """Tell whether processes that are forked now can use what was built; log what forbids it."""
    alive = [*_threads(), *_connections()]
    if alive:
        _log.warning(
            "each process builds its own services, which takes more memory: something that a fork "
            "does not carry was begun before it",
            alive=alive,
        )
    return not alive


def freeze() -> None:
    """Keep the collector off what lives as long as the process.

    Its marks would be written into every page, and the pages be copied for each process.
    """
    gc.collect()
    gc.freeze()


def _threads() -> Sequence[str]:
    main = threading.main_thread()
    return [f"thread {one.name}" for one in threading.enumerate() if one is not main]


def _connections() -> Sequence[str]:
    found = []
    for name in os.listdir("/dev/fd"):
        number = int(name)
        if number < _STANDARD:
            continue
        with suppress(OSError), socket.socket(fileno=os.dup(number)) as one:
            one.getpeername()
            found.append(f"connection {number}")
    return found
