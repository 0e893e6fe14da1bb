"""Reads a compose file as compose does: `.env` beside it, `${NAME:-default}`, merged keys."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")


@dataclass(frozen=True)
class Service:
    """One service, with the names in it resolved.

    Attributes:
        project: folder of the compose file.
        config: its part of the file.
        secret_files: the files of its secrets by name.
    """

    name: str
    project: Path
    config: Mapping[str, Any]
    secret_files: Mapping[str, Path]

    @property
    def command(self) -> list[str]:
        """What runs in it."""
        return [str(word) for word in self.config["command"]]

    @property
    def environment(self) -> dict[str, str]:
        """Its variables."""
        return {name: str(value) for name, value in self.config.get("environment", {}).items()}

    @property
    def healthcheck(self) -> str | None:
        """The shell command of its health check."""
        test = self.config.get("healthcheck", {}).get("test")
        if test is None:
            return None
        kind, command = test
        assert kind == "CMD-SHELL"
        return str(command)

    @property
    def waits_for(self) -> dict[str, str]:
        """The services that it depends on, each with its condition."""
        depends = self.config.get("depends_on", {})
        return {name: how["condition"] for name, how in depends.items()}

    @property
    def published(self) -> dict[int, int]:
        """Ports of the machine, and which of its own each is."""
        pairs = (port.rsplit(":", 2) for port in self.config.get("ports", ()))
        return {int(outer): int(inner) for _, outer, inner in pairs}


def read(file: Path) -> dict[str, Service]:
    """Return the services of a file by name."""
    project = file.parent
    variables = _dotenv(project / ".env")
    document = resolved(yaml.safe_load(file.read_text("utf-8")), variables)
    files = {name: project / how["file"] for name, how in document.get("secrets", {}).items()}
    return {
        name: Service(name, project, config, {n: files[n] for n in config.get("secrets", ())})
        for name, config in document["services"].items()
    }


def _dotenv(path: Path) -> dict[str, str]:
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}


def resolved(value: Any, variables: Mapping[str, str]) -> Any:
    """Return a value of the file with variables put in."""
    if isinstance(value, dict):
        return {name: resolved(inner, variables) for name, inner in value.items()}
    if isinstance(value, list):
        return [resolved(inner, variables) for inner in value]
    return _interpolated(value, variables) if isinstance(value, str) else value


def _interpolated(text: str, variables: Mapping[str, str]) -> str:
    def put_in(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        value = variables.get(found["name"]) or found["default"]
        assert value is not None, f"{found['name']} is not set and has no default"
        return value

    return _VARIABLE.sub(put_in, text)
