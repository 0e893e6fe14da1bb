"""Checks of a guide's blocks that cannot be run: settings, and files of other programs."""

import configparser
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import click
import crossplane
import kubernetes_validate
import yaml
from cryptography.fernet import Fernet

from nestegg_core.cli import main
from nestegg_core.settings.loading import read_dotenv
from support.command_line import CommandLine
from support.environments import ROOT
from support.kubernetes import manifests, pods

GOOD = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "7f1c6ad05be94e2883d1f0a4c7b96e52d8a3f40b1c95e7762d0e8b39fa641c57",
    "MASTER_ENCRYPTION_KEY": Fernet.generate_key().decode(),
    "ALLOWED_HOSTS": "app.example.com",
    "APP_BASE_URL": "https://app.example.com",
    "METRICS_PASSWORD": "long-enough-and-chosen",
}
"""What production asks for, besides a database."""

_DATABASE = {"DATABASE_URL": "postgresql://nestegg_app:pass-word@db.example.com:5432/nestegg_prod"}
_CRON = re.compile(r"(?P<when>(?:\S+ ){5})(?P<command>.*)")


def settings(text: str, folder: Path) -> None:
    """The settings are known and taken by production; what is for compose stands in its file."""
    file = folder / ".env"
    file.write_text(text, "utf-8")
    given, problems = read_dotenv(file)
    assert problems == []
    known = set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", CommandLine({})("config", "--example").stdout))
    compose = (ROOT / "compose.yaml").read_text("utf-8")
    for name in [*given, *re.findall(r"^(\w+)=", text, re.MULTILINE)]:
        assert name in known or f"${{{name}:-" in compose, name
    for plugin in given.get("NESTEGG_PLUGINS", "").split():
        assert (ROOT / "plugins" / plugin / "pyproject.toml").is_file()
    variables = {**GOOD, **_DATABASE, **given, "NESTEGG_HOME": str(folder)}
    checked = CommandLine(variables)("config")
    assert checked.exit_code == 0, checked.stderr


def crontab(text: str, _folder: Path) -> None:
    """Each line has five fields, its percent signs are escaped, and its command can be read."""
    for line in text.splitlines():
        found = _CRON.fullmatch(line)
        assert found, line
        # crontab(5): a bare percent sign ends the command.
        assert not re.search(r"(?<!\\)%", found["command"])
        words = shlex.split(found["command"].replace(r"\%", "%"))
        assert words[:2] == ["cd", "/srv/nestegg"]
        assert "-T" in words or "exec" not in words  # cron has no terminal


def kubernetes(text: str, _folder: Path) -> None:
    """The probes are part of a valid container."""
    container = {"name": "backend", "image": "nestegg", **yaml.safe_load(text)}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "nestegg"}}
    pod["spec"] = {"containers": [container]}
    kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)


def kubectl(text: str, _folder: Path) -> None:
    """The objects that the commands name are there."""
    names = {f"{one['kind'].lower()}/{one['metadata']['name']}" for one in manifests()}
    for line in text.splitlines():
        words = shlex.split(line)
        assert words[0] == "kubectl"
        for word in words:
            if word.startswith("deploy/"):
                assert (ROOT / word / "kustomization.yaml").is_file()
            elif "/" in word:
                assert word in names
    assert pods()


def nginx(text: str, folder: Path) -> None:
    """nginx knows the directives, and each stands where it may."""
    server = folder / "nginx.conf"
    server.write_text(f"events {{}}\nhttp {{\n{text}\n}}\n", "utf-8")
    parsed = crossplane.parse(str(server), strict=True)
    assert parsed["status"] == "ok", parsed["errors"]
    assert "proxy_pass http://127.0.0.1:8000;" in text


def caddy(text: str, _folder: Path) -> None:
    """Braces match, as Caddy wants them: at the end of a line, or alone on one."""
    depth = 0
    for line in text.splitlines():
        assert not re.search(r"[{}].*\S", line.strip().removesuffix("{").removesuffix("}"))
        depth += line.count("{") - line.count("}")
        assert depth >= 0
    assert depth == 0
    assert re.search(r"^\s+reverse_proxy 127\.0\.0\.1:8000$", text, re.MULTILINE)


def systemd(text: str, _folder: Path) -> None:
    """The unit has its sections, runs a command that there is, and waits for it to stop."""
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    unit.read_string(text)
    assert unit.sections() == ["Unit", "Service", "Install"]
    program, *words = shlex.split(unit["Service"]["ExecStart"])
    assert program == f"{unit['Service']['WorkingDirectory']}/venv/bin/nestegg"
    assert isinstance(main, click.Group)
    assert words[0] in main.commands
    assert int(unit["Service"]["TimeoutStopSec"]) > 30


def shell(text: str, _folder: Path) -> None:
    """Every command of ours is there and takes what is given to it."""
    for line in text.splitlines():
        words = shlex.split(line)
        if "nestegg" in words:
            _taken(words[words.index("nestegg") + 1 :])


def _taken(arguments: list[str]) -> None:
    command: click.Command = main
    context = main.make_context("nestegg", list(arguments), resilient_parsing=True)
    while isinstance(command, click.Group):
        _, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command = found
    command.make_context("nestegg", list(arguments), resilient_parsing=True).close()


CHECKS: dict[str, Callable[[str, Path], None]] = {
    "env": settings,
    "crontab": crontab,
    "yaml": kubernetes,
    "console": kubectl,
    "nginx": nginx,
    "caddy": caddy,
    "ini": systemd,
    "shell": shell,
}
