"""`nestegg jobs`: what was asked for, how it went, and asking by hand."""

import json
from typing import Any

import click

from nestegg_core.cli.context import opened
from nestegg_core.cli.group import Refused, json_option, print_json, print_table

_STATES = ("queued", "running", "done", "failed")


@click.group(epilog="Example: nestegg jobs list --state failed")
def jobs() -> None:
    """Show jobs, ask for one, and have a failed one done after all."""


@jobs.command(
    "list",
    epilog="""\b
Examples:
  nestegg jobs list --state failed
  nestegg jobs list --registered""",
)
@click.option("--state", type=click.Choice(_STATES), help="Only those in this state.")
@click.option("--name", help="Only runs of this job.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--registered", is_flag=True, help="List what there is to run, and when it is run.")
@json_option
def list_jobs(
    state: str | None, name: str | None, limit: int, registered: bool, as_json: bool
) -> None:
    """List the jobs that were asked for, the newest first."""
    with opened() as runtime:
        if registered:
            there = [
                {"name": one.name, "queue": one.queue, "schedule": one.schedule}
                for one in runtime.jobs.registered()
            ]
            _print(there, ("name", "queue", "schedule"), as_json)
            return
        found, _ = runtime.job_list.page(
            {"state": state, "name": name and runtime.jobs.full_name(name)}, limit=limit
        )
    columns = ("id", "name", "queue", "state", "tries", "created_at", "started_at", "finished_at")
    _print(found, columns, as_json)


@jobs.command(epilog="Example: nestegg jobs show retention-20260301T0330Z")
@click.argument("job_id")
@json_option
def show(job_id: str, as_json: bool) -> None:
    """Show one job: its arguments, its tries, and the error of the last one."""
    with opened() as runtime:
        found = runtime.job_list.read(job_id)
    _show(found, as_json)


@jobs.command(epilog="Example: nestegg jobs retry 019c5f0e-7c1a-7d5a-9b5e-0d3f4a5b6c7d")
@click.argument("job_id")
@json_option
def retry(job_id: str, as_json: bool) -> None:
    """Have a failed job done after all, with as many tries as a new one."""
    with opened() as runtime:
        runtime.jobs.retry(job_id)
        found = runtime.job_list.read(job_id)
    _end(found, as_json)


@jobs.command(
    epilog="""\b
Examples:
  nestegg jobs run retention
  nestegg jobs run fetch_rates --arguments '{"base": "EUR"}'"""
)
@click.argument("name")
@click.option("--arguments", default="{}", help="A JSON object for the job.")
@json_option
def run(name: str, arguments: str, as_json: bool) -> None:
    """Ask for the job NAME. Without Redis it runs here; the exit code is 1 when it fails."""
    from nestegg_core.jobs.runner import COMMAND

    given = _object(arguments)
    with opened() as runtime:
        job_id = runtime.jobs.enqueue(name, given, asked_by=COMMAND)
        found = runtime.job_list.read(job_id)
    _end(found, as_json)


def _object(text: str) -> dict[str, Any]:
    import orjson

    try:
        value = orjson.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise click.UsageError('--arguments takes a JSON object, such as \'{"base": "EUR"}\'.')
    return value


def _print(rows: Any, columns: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        print_json({"jobs": rows})
        return
    heads = [column.replace("_", " ").upper() for column in columns]
    print_table(heads, ([_cell(row[column]) for column in columns] for row in rows))


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        text = json.dumps(value) if isinstance(value, dict) else _cell(value)
        click.echo(f"{name.replace('_', ' ')}: {'' if text is None else text}")


def _end(found: dict[str, Any], as_json: bool) -> None:
    """Show a job that was asked for just now; one that ran here may have failed."""
    _show(found, as_json)
    if found["state"] == "failed":
        raise Refused("The job failed.")


def _cell(value: object) -> object:
    from datetime import datetime

    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value
