"""How commands answer: tables for users, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

_UNBOUNDED = 10_000
"""Columns of a line where nobody looks: what is piped on must not be wrapped."""

json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, default=str, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    width = None if sys.stdout.isatty() else _UNBOUNDED
    # Cells are data: `[red]` in one is a text, and no colour.
    console = Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        click.echo(line.rstrip())


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
