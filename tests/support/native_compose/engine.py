"""Starts, checks and stops the services of a compose file."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
from dotenv.parser import parse_stream

from support.native_compose import database
from support.native_compose.composefile import Service, read
from support.native_compose.sandbox import Sandbox, curl_options
from support.redis import redis_server

_HEALTHY_WITHIN = 60
_STOPPED_WITHIN = 60


class Engine:
    """What `docker compose` talks to.

    Args:
        file: the compose file.
        state: a folder of ours, with a short path: sockets lie in it.
        tools: folder with PostgreSQL's programs.
    """

    def __init__(self, file: Path, state: Path, tools: Path) -> None:
        self.services = read(file)
        self._state, self._tools = state, tools
        _readable(file.parent / ".env")

    def up(self, *, wait: bool = False) -> None:
        """Start what does not run or has changed, each after what it depends on."""
        for service in self._in_order():
            if self._is_up_to_date(service):
                continue
            self.stop(service.name)
            for name, condition in service.waits_for.items():
                assert condition == "service_healthy"
                self._wait_until_healthy(name)
            self._start(service)
        published = {
            outer: self.sandbox(service.name).ports[service.name, inner]
            for service in self.services.values()
            for outer, inner in service.published.items()
        }
        (self._state / ".curlrc").write_text(curl_options(published), "utf-8")
        for service in self.services.values() if wait else ():
            if service.healthcheck is not None:
                self._wait_until_healthy(service.name)

    def restart(self, name: str) -> None:
        """Stop and start a service."""
        self.stop(name)
        self._start(self.services[name])

    def stop(self, name: str) -> None:
        """Ask a service to stop, for as long as its file says; then end it."""
        process = self.process(name)
        if process is None:
            return
        if name == "db":
            database.stop(self.sandbox(name), self._tools)
        else:
            process.send_signal(signal.SIGTERM)
            grace = self.services[name].config.get("stop_grace_period", "10s")  # compose's default
            try:
                process.wait(float(str(grace).removesuffix("s")))
            except psutil.TimeoutExpired:
                _end(process)
                raise AssertionError(f"{name} did not stop within {grace}") from None
        (self.sandbox(name).folder / "pid").unlink()

    def process(self, name: str) -> psutil.Process | None:
        """Return the first process of a service, if it runs."""
        file = self._state / name / "pid"
        if not file.exists():
            return None
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(int(file.read_text()))
            if process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None

    def is_healthy(self, name: str) -> bool:
        """Run the service's health check inside of it."""
        check = self.services[name].healthcheck
        return check is not None and self.run(name, ["sh", "-c", check]).returncode == 0

    def run(self, name: str, command: list[str]) -> "subprocess.CompletedProcess[bytes]":
        """Run a command inside of a service and keep what it says."""
        sandbox = self.sandbox(name)
        words = [sandbox.mapped(word) for word in command]
        env, cwd = sandbox.environment, sandbox.working_folder
        return subprocess.run(words, env=env, cwd=cwd, capture_output=True, check=False)

    def run_apart(self, name: str, command: list[str]) -> None:
        """Become a command in a container of its own, like the service's."""
        self.sandbox(name).prepare()
        self._become(name, command)

    def execute(self, name: str, command: list[str]) -> None:
        """Become a command inside of a service."""
        assert self.process(name) is not None, f"service {name} is not running"
        self._become(name, command)

    def log(self, name: str) -> Path:
        """Return the file with what a service has printed."""
        return self._state / name / "log"

    def sandbox(self, name: str) -> Sandbox:
        """Return a service's surroundings."""
        return Sandbox(self._state, self.services[name], self._tools)

    def _become(self, name: str, command: list[str]) -> None:
        sandbox = self.sandbox(name)
        words, env = [sandbox.mapped(word) for word in command], sandbox.environment
        os.chdir(sandbox.working_folder)
        os.execvpe(words[0], words, env)  # noqa: S606 - the point of it

    def _start(self, service: Service) -> None:
        sandbox = self.sandbox(service.name)
        sandbox.prepare()
        start: dict[str, Callable[[Sandbox], int]] = {
            "db": lambda inside: database.start(inside, self._tools),
            "redis": self._start_redis,
        }
        pid = start.get(service.name, self._start_ours)(sandbox)
        (sandbox.folder / "pid").write_text(str(pid))
        (sandbox.folder / "config").write_text(_fingerprint(service))

    def _start_ours(self, sandbox: Sandbox) -> int:
        words = [sandbox.mapped(word) for word in sandbox.service.command]
        program = Path(sys.executable).with_name(words[0])
        return self._spawn(sandbox, [str(program), *words[1:]])

    def _start_redis(self, sandbox: Sandbox) -> int:
        program = redis_server()
        assert program is not None, "no redis-server here"
        words = [sandbox.mapped(word) for word in sandbox.service.command]
        assert words[0] == "redis-server"
        port = sandbox.ports["redis", 6379]
        native = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(sandbox.folder)]
        return self._spawn(sandbox, [str(program), *words[1:], *native])

    def _spawn(self, sandbox: Sandbox, words: list[str]) -> int:
        with self.log(sandbox.service.name).open("ab") as log:
            process = subprocess.Popen(
                words,
                env=sandbox.environment,
                cwd=sandbox.folder / "app",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return process.pid

    def _wait_until_healthy(self, name: str) -> None:
        deadline = time.monotonic() + _HEALTHY_WITHIN
        while not self.is_healthy(name):
            log = self.log(name)
            told = log.read_text() if log.exists() else ""
            assert time.monotonic() < deadline, f"{name} is not healthy\n{told}"
            assert self.process(name), f"{name} has ended\n{told}"
            time.sleep(0.2)

    def _is_up_to_date(self, service: Service) -> bool:
        known = self._state / service.name / "config"
        if self.process(service.name) is None or not known.exists():
            return False
        return known.read_text() == _fingerprint(service)

    def _in_order(self) -> Iterator[Service]:
        done: set[str] = set()
        while len(done) < len(self.services):
            for name, service in self.services.items():
                if name not in done and service.waits_for.keys() <= done:
                    done.add(name)
                    yield service


def _fingerprint(service: Service) -> str:
    """Compose recreates a container when its configuration has changed; files do not count."""
    return hashlib.sha256(json.dumps(service.config, sort_keys=True).encode()).hexdigest()


def _readable(dotenv: Path) -> None:
    assert dotenv.is_file(), "compose.yaml mounts .env, and there is none"
    with dotenv.open(encoding="utf-8") as stream:
        wrong = [binding.original.line for binding in parse_stream(stream) if binding.error]
    assert not wrong, f"compose does not read line {wrong} of .env"


def _end(process: psutil.Process) -> None:
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            one.kill()
