"""What a container gives a service: paths, names of other services, ports, an environment."""

import json
import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from dockerfile_parse import DockerfileParser

from support.native_compose.composefile import Service
from support.redis import redis_server

_PORT_SETTINGS = {
    "WEB_PORT": 8000,
    "METRICS_PORT": 9090,
    "WORKER_METRICS_PORT": 0,
    "SCHEDULER_METRICS_PORT": 0,
}
_OWN_PORTS = {"db": 5432, "redis": 6379}


class Ports:
    """Free ports of this machine, by service and the port that the service believes in."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __getitem__(self, key: tuple[str, int]) -> int:
        known = json.loads(self._file.read_text("utf-8")) if self._file.exists() else {}
        name = f"{key[0]}:{key[1]}"
        if name not in known:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                known[name] = probe.getsockname()[1]
            self._file.write_text(json.dumps(known), "utf-8")
        return int(known[name])


class Sandbox:
    """The surroundings of one service.

    Args:
        state: a folder of ours.
        service: the service.
        tools: folder with PostgreSQL's programs.
    """

    def __init__(self, state: Path, service: Service, tools: Path) -> None:
        self.service = service
        self.folder = state / service.name
        self.ports = Ports(state / "ports.json")
        self._volumes = state / "volumes"
        self._tools = tools

    def prepare(self) -> None:
        """Make its folders, and put its secrets and files where it looks for them."""
        for folder in ("app", "bin", "tmp", "secrets", "mounted", "sock"):
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        for name, file in self.service.secret_files.items():
            (self.folder / "secrets" / name).write_text(self.mapped(file.read_text()), "utf-8")
        alembic = self.folder / "app" / "alembic.ini"
        alembic.write_text((self.service.project / "alembic.ini").read_text("utf-8"), "utf-8")
        for target, source in self._binds():
            place = self._place(target)
            place.unlink(missing_ok=True)
            if target.endswith(".sh"):  # it names paths of the container
                place.write_text(self.mapped(source.read_text("utf-8")), "utf-8")
            else:
                place.symlink_to(source)
        self._links()
        if redis := redis_server():
            port = self.ports[self.service.name, _OWN_PORTS["redis"]]
            client = self.folder / "bin" / "redis-cli"
            client.write_text(f'#!/bin/sh\nexec {redis.parent}/redis-cli -p {port} "$@"\n')
            client.chmod(0o755)
        (self.folder / ".curlrc").write_text(self._curl_options(), "utf-8")

    def _links(self) -> None:
        """Make the Dockerfile's links in its working folder."""
        if "build" not in self.service.config:
            return
        steps = (self.service.project / "Dockerfile").read_text("utf-8")
        for target, name in re.findall(r"^RUN ln -s (\S+) (\S+)$", steps, re.MULTILINE):
            link = self.folder / "app" / name
            link.unlink(missing_ok=True)
            link.symlink_to(self.mapped(target))

    def mapped(self, text: str) -> str:
        """Replace paths of the container and addresses of other services in a text."""
        for inner, outer in self._paths().items():
            text = re.sub(rf"(?<![\w./-]){re.escape(inner)}(?![\w-])", str(outer), text)
        for name, port in _OWN_PORTS.items():
            text = text.replace(f"@{name}:{port}", f"@127.0.0.1:{self.ports[name, port]}")
        return text

    @property
    def environment(self) -> dict[str, str]:
        """Its variables: the image's, then the file's."""
        variables = {**self._of_image(), **self.service.environment}
        given = {name: self.mapped(value) for name, value in variables.items()}
        for name in [name for name in given if name.endswith("_HOST")]:
            # Nobody reaches a container that listens on loopback.
            assert given[name] == "0.0.0.0"  # noqa: S104 - compared, never bound
            given[name] = "127.0.0.1"
        for name, port in _PORT_SETTINGS.items():
            wanted = int(given.get(name, port))
            given[name] = str(self.ports[self.service.name, wanted] if wanted else 0)
        path = (self.folder / "bin", self._tools, Path(sys.executable).parent)
        return {
            **given,
            "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]]),
            "HOME": str(self.folder / "tmp"),
            "TMPDIR": str(self.folder / "tmp"),
            "CURL_HOME": str(self.folder),
            "PGHOST": str(self.folder / "sock"),
            "PGPORT": str(self.ports["db", _OWN_PORTS["db"]]),
        }

    @property
    def working_folder(self) -> Path:
        """Where commands run in it: the service's folder, or the Dockerfile's."""
        inner = self.service.config.get("working_dir")
        return Path(self.mapped(inner)) if inner else self.folder / "app"

    def _of_image(self) -> dict[str, str]:
        """The variables that the Dockerfile sets, if the service is built from it."""
        if "build" not in self.service.config:
            return {}
        parser = DockerfileParser(str(self.service.project / "Dockerfile"))
        kept: Mapping[str, str] = parser.envs
        return {name: value for name, value in kept.items() if name not in {"PATH", "HOME"}}

    def _paths(self) -> dict[str, Path]:
        places = {target: self._place(target) for target, _ in self._binds()}
        volumes = {
            volume["target"]: self._volumes / volume["source"]
            for volume in self.service.config.get("volumes", ())
            if volume["type"] == "volume"
        }
        for folder in volumes.values():
            folder.mkdir(parents=True, exist_ok=True)
        return {**places, **volumes, "/run/secrets": self.folder / "secrets"}

    def _binds(self) -> Iterator[tuple[str, Path]]:
        for volume in self.service.config.get("volumes", ()):
            if volume["type"] == "bind":
                yield volume["target"], (self.service.project / volume["source"]).resolve()

    def _place(self, target: str) -> Path:
        if target.startswith("/app/"):
            return self.folder / target.removeprefix("/")
        return self.folder / "mounted" / Path(target).name

    def _curl_options(self) -> str:
        own = {port: self.ports[self.service.name, port] for port in (8000, 9090)}
        return curl_options(own)


def curl_options(ports: Mapping[int, int]) -> str:
    """Return a `.curlrc` that leads ports of `localhost` to others."""
    return "".join(
        f'connect-to = "localhost:{asked}:127.0.0.1:{real}"\n' for asked, real in ports.items()
    )
