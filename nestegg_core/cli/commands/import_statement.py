"""`nestegg import`: a statement from a file into an account, with a look at it in between."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

import click

from nestegg_core.cli.context import opened
from nestegg_core.cli.group import Refused, counted, json_option, print_json, print_table
from nestegg_core.contracts.importers import StatementFile
from nestegg_core.errors import NestEggError, StatementError

if TYPE_CHECKING:
    from nestegg_core.cli.importing import Importing

_SHOWN_ROWS = 20
_EPILOG = """\b
Examples:
  nestegg import june.csv --account 0197a3c2-...
  nestegg import june.csv --account 0197a3c2-... --dry-run
  nestegg import june.csv --account 0197a3c2-... --option date_format=%d/%m/%Y --yes"""


def _pairs(_ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    if not all(name and equals for name, equals, _ in pairs):
        raise click.BadParameter("write NAME=VALUE, e.g. date_format=%d.%m.%Y")
    return {name: value for name, _, value in pairs}


@click.command("import", epilog=_EPILOG)
@click.argument("file", type=click.File("rb"))
@click.option("--account", "account_id", type=click.UUID, required=True, help="The account's id.")
@click.option("--organization", "org_id", type=click.UUID, help="Where to look for the account.")
@click.option("--importer", metavar="NAME", help="The importer. [default: what knows the file]")
@click.option(
    "--option",
    "options",
    multiple=True,
    callback=_pairs,
    metavar="NAME=VALUE",
    help="Override a decision about the file, by the name that it has in the summary.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--yes", is_flag=True, help="Import in spite of warnings and rows with errors.")
@json_option
def import_statement(
    *,
    file: IO[bytes],
    account_id: UUID,
    org_id: UUID | None,
    importer: str | None,
    options: Mapping[str, str],
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Import a statement FILE (- for the input) into an account.

    All rows that are new are booked, or none. When there are warnings or rows with errors you are
    asked first; where nobody can be asked the import is refused, exit code 1, unless --yes is
    given.
    """
    from nestegg_core.cli.importing import Importing, find_target

    statement = StatementFile(file.read(), name=_name(file))
    with opened() as runtime:
        target = find_target(runtime, account_id, org_id)
        importing = Importing(runtime, target)
        with _steps() as step, _explained():
            step("Reading")
            upload = importing.read(statement, options, importer)
            step("Comparing")
            entry = importing.preview(upload)
            errors = importing.error_rows(entry["id"])
        if not as_json:
            _print_summary(entry, errors, str(target.account["name"]))
        result, refusal = _decide(importing, entry, errors, dry_run, yes, ask=not as_json)
    if as_json:
        print_json({**entry, "error_rows": errors, "result": result})
    else:
        click.echo(_SAID[result].format(counted(entry["counts"]["new"], "new row")))
    if refusal:
        raise Refused(refusal)


_SAID = {
    "imported": "Imported {}.",
    "nothing new": "Nothing to import: the account has every row already.",
    "dry run": "Would import {}. Nothing was changed.",
    "refused": "Imported nothing.",
}


def _decide(
    importing: "Importing",
    entry: Mapping[str, Any],
    errors: Sequence[Any],
    dry_run: bool,
    yes: bool,
    *,
    ask: bool,
) -> tuple[str, str]:
    """Book a preview or forget it; return what was done, and why it was refused."""
    doubts = [*entry["warnings"], *errors]
    result, refusal = "imported", ""
    if dry_run:
        result = "dry run"
    elif not entry["counts"]["new"]:
        result = "nothing new"
    elif entry["questions"]:
        result = "refused"
        refusal = (
            "The file leaves open what only you can tell. Answer each question with --option: "
            f"{_asked(entry)}."
        )
    elif doubts and not yes and not (ask and sys.stdin.isatty()):
        result = "refused"
        refusal = (
            f"There are {counted(len(entry['warnings']), 'warning')} and "
            f"{counted(len(errors), 'row')} with errors. Look at them, override decisions with "
            "--option, or import all the same with --yes."
        )
    elif doubts and not yes and not click.confirm("Import the new rows all the same?", err=True):
        result, refusal = "refused", "You said no."
    if result != "imported":
        importing.discard(entry)
        return result, refusal
    try:
        with _steps() as step:
            step("Booking")
            importing.commit(entry["id"])
    except NestEggError:
        importing.discard(entry)
        raise
    return result, refusal


def _asked(entry: Mapping[str, Any]) -> str:
    return "; ".join(
        " or ".join(f"{one['decision']}={choice}" for choice in one["choices"])
        for one in entry["questions"]
    )


def _print_summary(entry: Mapping[str, Any], errors: Sequence[Any], account: str) -> None:
    counts = entry["counts"]
    click.echo(
        f"{entry['file_name'] or 'Input'} for {account}: {counts['new']} new, "
        f"{counts['duplicate']} known already, {counts['error']} with errors"
        + "".join(f", {counts[one]} {one}" for one in ("pending", "reverted") if counts[one])
        + "\n"
    )
    decided = [(name, _text(value)) for name, value in entry["decisions"].items() if value != ""]
    print_table(("DECISION", "VALUE"), [(name, value) for name, value in decided if value])
    for warning in entry["warnings"]:
        click.echo(f"\nWarning: {warning}")
    for question in entry["questions"]:
        click.echo(f"\nQuestion: {question['evidence']}")
        choices = question["choices"].items()
        answers = [(f"{question['decision']}={choice}", meaning) for choice, meaning in choices]
        print_table(("ANSWER WITH --option", "IT MEANS"), answers)
    if errors:
        click.echo()
        print_table(("LINE", "CANNOT BE IMPORTED"), map(_error_line, errors[:_SHOWN_ROWS]))
    if len(errors) > _SHOWN_ROWS:
        click.echo(f"... and {counted(len(errors) - _SHOWN_ROWS, 'row')} more: see --json")
    click.echo(f"\nBalance afterwards: {entry['balance_after']} {entry['currency']}")
    if told := entry["reconciliation"]:
        click.echo(
            f"The statement says {told['statement_balance']}; difference {told['difference']}"
        )


def _name(file: IO[bytes]) -> str:
    name = str(getattr(file, "name", ""))
    return "" if name in {"-", "<stdin>"} else PurePath(name).name


def _error_line(row: Mapping[str, Any]) -> tuple[int, str]:
    said = (f"{one['field']}: {one['detail']}".removeprefix(": ") for one in row["problems"])
    return row["line"], "; ".join(said)


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value).replace("\t", "tab")


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except StatementError as error:
        if error.option:
            raise click.BadParameter(str(error), param_hint=f"--option {error.option}") from None
        place = f" (line {error.line})" if error.line else ""
        raise Refused(f"{error}{place}") from None


@contextmanager
def _steps() -> Iterator[Any]:
    """Show at a terminal how far the import is; yields a function that names the next step."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(pulse_style="cyan"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda name: bar.update(task, description=name)
