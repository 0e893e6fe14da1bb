"""The command line of `docker`, as far as the guide for operators uses it."""

import os
import shutil
import sys
from pathlib import Path

import click

from support.native_compose.engine import Engine

STATE, TOOLS = "NATIVE_COMPOSE_STATE", "NATIVE_COMPOSE_TOOLS"


@click.group()
def main() -> None:
    """Stand in for docker."""


@main.group()
@click.option("-f", "--file", type=click.Path(path_type=Path, exists=True))
@click.pass_context
def compose(ctx: click.Context, file: Path | None) -> None:
    """Stand in for docker compose: the file is the one of this folder or the nearest above."""
    here = Path.cwd()
    candidates = (folder / "compose.yaml" for folder in (here, *here.parents))
    file = file or next(one for one in candidates if one.exists())
    state, tools = Path(os.environ[STATE]), Path(os.environ[TOOLS])
    ctx.obj = Engine(file.absolute(), state, tools)


@compose.command()
@click.option("-d", "--detach", is_flag=True, required=True)
@click.option("--wait", is_flag=True)
@click.pass_obj
def up(engine: Engine, detach: bool, wait: bool) -> None:
    """Start all services, and wait until they are healthy if that is asked for."""
    assert detach
    engine.up(wait=wait)


@compose.command("exec", context_settings={"ignore_unknown_options": True})
@click.option("-T", "no_tty", is_flag=True)
@click.argument("service")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def execute(engine: Engine, no_tty: bool, service: str, command: tuple[str, ...]) -> None:
    """Run a command in a service. There is never a terminal here."""
    assert no_tty or not sys.stdin.isatty()
    engine.execute(service, list(command))


@compose.command("run", context_settings={"ignore_unknown_options": True})
@click.option("--rm", "remove", is_flag=True, required=True)
@click.option("--user", type=click.Choice([str(os.getuid())]), expose_value=False)
@click.option("-v", "--volume", default="")
@click.argument("service")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def run_apart(
    engine: Engine, remove: bool, volume: str, service: str, command: tuple[str, ...]
) -> None:
    """Run a command in a container of its own, with a folder of this machine if one is given."""
    assert remove
    source, _, target = volume.partition(":")
    engine.run_apart(service, [_within(word, target, source) for word in command])


@compose.command()
@click.argument("services", nargs=-1)
@click.pass_obj
def restart(engine: Engine, services: tuple[str, ...]) -> None:
    """Restart services, all if none is named."""
    for name in services or engine.services:
        engine.restart(name)


@compose.command()
@click.argument("services", nargs=-1)
@click.pass_obj
def stop(engine: Engine, services: tuple[str, ...]) -> None:
    """Stop services, all if none is named; what others need comes last."""
    for name in services or engine.services:
        engine.stop(name)


@compose.command()
@click.argument("services", nargs=-1)
@click.pass_obj
def start(engine: Engine, services: tuple[str, ...]) -> None:
    """Start services that were stopped."""
    for name in services:
        engine.restart(name)


@compose.command()
@click.pass_obj
def ps(engine: Engine) -> None:
    """Tell which services run, and how they are."""
    for name, service in engine.services.items():
        state = "running" if engine.process(name) else "exited"
        if state == "running" and service.healthcheck:
            state += " (healthy)" if engine.is_healthy(name) else " (unhealthy)"
        click.echo(f"{name} {state}")


@compose.command()
@click.option("--since")
@click.option("--no-log-prefix", is_flag=True)
@click.argument("service")
@click.pass_obj
def logs(engine: Engine, since: str | None, no_log_prefix: bool, service: str) -> None:
    """Print what a service has printed."""
    assert since or no_log_prefix or service
    click.echo(engine.log(service).read_text("utf-8"), nl=False)


@compose.command()
@click.argument("source")
@click.argument("target")
@click.pass_obj
def cp(engine: Engine, source: str, target: str) -> None:
    """Copy a file out of a service or into one."""
    shutil.copy(_path(engine, source), _path(engine, target))


@compose.command()
@click.pass_obj
def build(engine: Engine) -> None:
    """Build nothing: the services run what this checkout has."""
    assert any("build" in service.config for service in engine.services.values())


def _within(word: str, target: str, source: str) -> str:
    return source + word.removeprefix(target) if target and word.startswith(target + "/") else word


def _path(engine: Engine, text: str) -> str:
    service, colon, path = text.partition(":")
    return engine.sandbox(service).mapped(path) if colon else text
