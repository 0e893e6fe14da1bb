"""The proxies of docs/self-hosting.md, as the guide sets them up, without their certificates."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from benchmarks.faults.scene import wait_for
from benchmarks.servers import ROOT, free_port

GUIDE = ROOT / "docs" / "self-hosting.md"
KINDS = ("nginx", "caddy")
_BEHIND = "127.0.0.1:8000"


def missing(kind: str) -> str:
    """Say what is to be installed; empty when nothing is."""
    return "" if _program(kind) else f"no {kind} here (Debian: apt install {kind})"


@contextmanager
def behind(kind: str, server: int) -> Iterator[int]:
    """Run a proxy before a server's port; yield the proxy's.

    Args:
        kind: `nginx` or `caddy`.
        server: the server's port.
    """
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        file = home / "proxy.conf"
        block = _of_the_guide(kind).replace(_BEHIND, f"127.0.0.1:{server}")
        file.write_text(_nginx(block, port, home) if kind == "nginx" else _caddy(block, port))
        process = subprocess.Popen(
            [str(_program(kind)), *_arguments(kind, file)],
            env={"HOME": folder, "PATH": "/usr/bin:/bin"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(lambda: _answers(port), kind)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=30)


def _program(kind: str) -> str | None:
    return shutil.which(kind, path="/usr/sbin:/usr/bin:/usr/local/bin")


def _of_the_guide(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    if found is None:
        raise RuntimeError(f"the guide has no block for {kind}")
    return found[1]


def _nginx(block: str, port: int, home: Path) -> str:
    plain = re.sub(r"^ *ssl_.*\n", "", block, flags=re.MULTILINE)
    plain = plain.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    paths = "".join(
        f"{kind}_temp_path {home / kind}; "
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off; master_process off; pid {home / 'pid'}; error_log {home / 'log'};\n"
        f"events {{ worker_connections 4096; }}\nhttp {{ access_log off; {paths}\n{plain}}}\n"
    )


def _caddy(block: str, port: int) -> str:
    plain = re.sub(r"^.* \{", f"http://:{port} {{", block, count=1)
    return f"{{\n    admin off\n    auto_https off\n}}\n{plain}"


def _arguments(kind: str, file: Path) -> Sequence[str]:
    if kind == "nginx":
        return ["-c", str(file), "-e", str(file.with_name("log"))]
    return ["run", "--adapter", "caddyfile", "--config", str(file)]


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/livez", timeout=5).ok
    except requests.RequestException:
        return False
