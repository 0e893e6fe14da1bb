"""Run as a program: what requests that nobody can afford cost a server, in megabytes and seconds.

Prints a line of JSON for each. The most that a process has held is asked of the kernel, for the
validator's memory is not Python's own.
"""

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from falcon.testing import create_environ

from nestegg_core.api.app import create_app
from nestegg_core.application import start
from nestegg_core.settings import Environment


def bodies() -> Iterator[tuple[str, bytes]]:
    """Yield a million of each kind, as many as a body may hold, and as many as pass the bounds."""
    for count in (1_000_000, 20_000, 4_900):
        fields = b"{" + b",".join(b'"%x":1' % number for number in range(count)) + b"}"
        yield f"{count} fields", fields
        yield f"{count} zeros", b'{"email":[' + b"0," * (count - 1) + b"0]}"
        yield f"{count} lists", b'{"email":[' + b"[]," * (count - 1) + b"[]]}"
        yield f"{count} of one name", b"{" + b'"a":1,' * (count - 1) + b'"a":1}'


def peak() -> float:
    """Return the most memory that the process has held since it was reset, in megabytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s*(\d+)", status)[0]) / 1024


def cost(app: Any, body: bytes, *, chunked: bool) -> dict[str, Any]:
    """Send a body, and return what it cost."""
    environ = create_environ(
        "/api/v1/auth/login", method="POST", body=body, headers={"Content-Type": "application/json"}
    )
    if chunked:
        environ.pop("CONTENT_LENGTH")
        environ["wsgi.input_terminated"] = True
    statuses: list[str] = []
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # from now on
    before, began = peak(), time.process_time()
    answer = b"".join(app(environ, lambda status, *_: statuses.append(status)))
    return {
        "status": int(statuses[0][:3]),
        "answered": len(answer),
        "read": environ["wsgi.input"].tell(),
        "megabytes": peak() - before,
        "seconds": time.process_time() - began,
    }


if __name__ == "__main__":
    runtime = start(
        Environment.read({"ENVIRONMENT": "test", "NESTEGG_HOME": sys.argv[1]}, dotenv=None)
    )
    runtime.storage.upgrade()
    application = create_app(runtime)
    cost(application, b'{"email": 1}', chunked=False)  # what is made at first use is not counted
    for name, body in bodies():
        for chunked in (False, True):
            line = json.dumps({"body": name, **cost(application, body, chunked=chunked)})
            sys.stdout.write(f"{line}\n")
