"""`nestegg keys`: make, count, move, verify and retire encryption keys."""

import base64
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nestegg_core.cli.context import opened
from nestegg_core.cli.group import (
    WRONG,
    counted,
    json_option,
    print_json,
    print_table,
    show_problems,
)
from nestegg_core.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from nestegg_core.encryption.key_maintenance import Failures, Progress
    from nestegg_core.encryption.keyring import Keyring
    from nestegg_core.encryption.usage import Count
    from nestegg_core.settings import Environment
    from nestegg_core.settings.env_file import EnvFile


_EPILOG = """\b
Rotation, step by step:
  1. nestegg keys rotate
  2. restart every process: new values use the new key, the old ones still open
  3. nestegg keys rewrap, and then: nestegg keys verify
  4. nestegg keys retire 1

\b
What the first step does to the file of settings, for keys that are kept elsewhere:
  copy MASTER_ENCRYPTION_KEY to ENCRYPTION_KEY_V1 (or V2, ...: its version)
  nestegg keys generate, and set the new key as MASTER_ENCRYPTION_KEY
  set ENCRYPTION_CURRENT_VERSION to one more"""


@click.group(epilog=_EPILOG)
def keys() -> None:
    """Rotate the keys that encrypt personal data, and verify that every value opens."""


@keys.command(epilog="Example: nestegg keys generate")
@json_option
def generate(as_json: bool) -> None:
    """Print a new random key, for MASTER_ENCRYPTION_KEY. It is kept nowhere."""
    from cryptography.fernet import Fernet

    key = Fernet.generate_key().decode()
    if as_json:
        print_json({"key": key})
    else:
        click.echo(key)


@keys.command(epilog="Example: nestegg keys status --json")
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Count the values of every encrypted column by backend and key version.

    The exit code is 1 when keys do not fit the database, when values are under a key that is not
    set, or when values are not encrypted.
    """
    from nestegg_core.encryption.usage import status as status_of

    with opened(check_keys=False) as runtime:
        found = status_of(runtime.keys)
        target = runtime.keys.target
    if as_json:
        print_json({**asdict(found), "backend": target.backend, "version": target.version})
    else:
        _print_keys([asdict(key) for key in found.keys])
        click.echo()
        _print_counts(found.counts)
        click.echo(f"\nNew values: backend {target.backend}, version {target.version}.")
        if found.outdated:
            what = counted(found.outdated, "value")
            click.echo(f"{what} of another backend or version. To move them: nestegg keys rewrap")
    _tell_clear_text(found.clear_text)
    show_problems(found.problems)
    missing = any(key.rows and not key.at_hand for key in found.keys)
    if found.problems or found.clear_text or missing:
        ctx.exit(WRONG)


@keys.command(
    epilog="""\b
Examples:
  nestegg keys rewrap
  nestegg keys rewrap --take-in-clear-text"""
)
@click.option(
    "--take-in-clear-text",
    is_flag=True,
    help="Encrypt values that are not encrypted, too: those of a database from before encryption.",
)
@click.option(
    "--batch",
    type=click.IntRange(1, 10_000),
    default=500,
    show_default=True,
    help="Values read and written at once.",
)
@json_option
@click.pass_context
def rewrap(ctx: click.Context, take_in_clear_text: bool, batch: int, as_json: bool) -> None:
    """Move every value to the current key and backend, while the server goes on serving.

    It can be stopped at any moment; the next run goes on where it was. The exit code is 1 when
    values are left over.
    """
    from nestegg_core.encryption.rewrap import rewrap as rewrap_all

    with opened() as runtime, _progress() as report:
        done = rewrap_all(
            runtime.keys, take_in_clear_text=take_in_clear_text, batch=batch, report=report
        )
        reindexed = runtime.email_reindexing.run()
    if as_json:
        print_json(
            {
                "moved": done.moved,
                "reindexed": reindexed,
                "left": done.left,
                "clear_text": done.clear_text,
                "failures": _failures(done.failures),
                "counts": [asdict(count) for count in done.counts],
            }
        )
    else:
        click.echo(
            f"Moved {counted(done.moved, 'value')} to backend {done.target.backend}, version "
            f"{done.target.version}. {counted(done.left, 'value')} left under others.\n"
        )
        _print_counts(done.counts)
        _print_failures(done.failures)
        if reindexed:
            click.echo(f"\nIndexes of emails made anew: {reindexed}.")
    if done.left > len(done.failures):
        click.echo(
            "Some process still writes under an older key: restart it, then again.", err=True
        )
    _tell_clear_text(done.clear_text)
    if done.left or done.clear_text:
        ctx.exit(WRONG)


@keys.command(epilog="Example: nestegg keys verify --json")
@json_option
@click.pass_context
def verify(ctx: click.Context, as_json: bool) -> None:
    """Open every encrypted value. Values that do not open are listed by their place alone.

    The exit code is 1 when there are any.
    """
    from nestegg_core.encryption.usage import verify as verify_all

    with opened(check_keys=False) as runtime, _progress() as report:
        found = verify_all(runtime.keys, report=report)
    if as_json:
        print_json({"checked": found.checked, "failures": _failures(found.failures)})
    elif found.failures:
        _print_failures(found.failures)
        click.echo(f"{len(found.failures)} of {counted(found.checked, 'value')} do not open.")
    else:
        click.echo(f"Every value opens: {counted(found.checked, 'value')} checked.")
    if found.failures:
        ctx.exit(WRONG)


@keys.command(epilog="Example: nestegg keys retire 1")
@click.argument("version", type=click.IntRange(min=1))
@json_option
def retire(version: int, as_json: bool) -> None:
    """Declare that a key VERSION is needed no more, so that the start does not ask for it.

    It is refused, exit code 1, while any value of any organization is under that version.
    """
    from nestegg_core.encryption.usage import retire as retire_version

    with opened(check_keys=False) as runtime:
        moment = retire_version(runtime.keys, version)
        variable = runtime.keys.keyring.variable(version)
    if as_json:
        print_json({"version": version, "variable": variable, "retired_at": moment})
        return
    click.echo(
        f"Version {version} is retired: no value of this database needs {variable} any more.\n"
        f"Backups from before {moment:%Y-%m-%d %H:%M} UTC still need it: keep the key in a safe "
        "place until\nthe last of them has expired. Remove the variable only when no process runs "
        "with an older\nENCRYPTION_CURRENT_VERSION."
    )


def _print_keys(rows: Sequence[dict[str, object]]) -> None:
    print_table(
        ("VERSION", "VARIABLE", "STATE", "FIRST USED (UTC)", "RETIRED (UTC)", "VALUES"),
        (
            (
                row["version"],
                row["variable"],
                row["state"],
                _moment(row["first_used_at"]),
                _moment(row["retired_at"]),
                row["rows"],
            )
            for row in rows
        ),
    )


def _moment(value: object) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}" if value else ""


def _print_counts(counts: "Sequence[Count]") -> None:
    print_table(
        ("TABLE", "COLUMN", "BACKEND", "VERSION", "VALUES"),
        (
            (
                count.table,
                count.column,
                count.backend or "(not encrypted)",
                count.version,
                count.rows,
            )
            for count in counts
        ),
    )


def _print_failures(failures: "Failures") -> None:
    if not failures:
        return
    click.echo()
    print_table(
        ("ORGANIZATION", "ROW", "WHY IT DOES NOT OPEN"),
        ((one.org_id, "/".join(one.row_key), one.reason) for one in failures.examples),
    )
    if len(failures) > len(failures.examples):
        click.echo(f"... and {len(failures) - len(failures.examples)} more like these")


def _failures(failures: "Failures") -> dict[str, object]:
    return {"count": len(failures), "examples": [asdict(one) for one in failures.examples]}


def _tell_clear_text(number: int) -> None:
    if number:
        click.echo(
            f"{counted(number, 'value')} not encrypted. To take them in: "
            "nestegg keys rewrap --take-in-clear-text",
            err=True,
        )


@contextmanager
def _progress() -> "Iterator[Callable[[Progress], None]]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(
        *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=None)

        def report(progress: "Progress") -> None:
            total = max(progress.total, progress.done)
            bar.update(task, description=progress.column, completed=progress.done, total=total)

        yield report


MASTER, CURRENT, NUMBERED = (
    "MASTER_ENCRYPTION_KEY",
    "ENCRYPTION_CURRENT_VERSION",
    "ENCRYPTION_KEY_V",
)


@click.command(
    epilog="""\b
Examples:
  nestegg keys rotate
  nestegg keys rotate --env-file /srv/nestegg/.env"""
)
@click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(".env"),
    show_default=True,
    help="The file that holds the key.",
)
@json_option
def rotate(env_file: Path, as_json: bool) -> None:
    """Make a new key the current one, and keep the present one under its version, in one step.

    A key that the file holds for the next version already becomes the current one; otherwise a
    new one is made. No key is printed. It is refused when file, process and database do not fit
    together, and then nothing is changed.
    """
    from nestegg_core.settings import Environment
    from nestegg_core.settings.env_file import EnvFile

    environment = Environment.read(dotenv=env_file)
    if environment.problems:
        raise ConfigurationError(environment.problems)
    file = EnvFile.read(env_file)
    if elsewhere := list(_given_elsewhere(environment, file)):
        raise ConfigurationError(elsewhere)
    with opened(environment=environment, check_keys=False) as runtime:
        keyring = runtime.keys.keyring
        turned = _turned(keyring)
        # Another server may have written under a key that all of them hold in readiness.
        if wrong := runtime.check_keys.look(turned if _prepared(keyring) else keyring):
            raise ConfigurationError(wrong)
        _rotated(file, keyring, turned).write(spare=runtime.settings.nestegg_home)
    if as_json:
        print_json({"file": str(file.path), "former": keyring.current, "version": turned.current})
        return
    former, version = keyring.current, turned.current
    click.echo(
        f"{file.path} has a key of version {version} now, and keeps the one of version {former} as "
        f"{NUMBERED}{former}.\n"
        "Keep a copy of the new key in a second place, apart from the backups. Then:\n"
        "  restart every process; until then nothing is written under the new key\n"
        "  nestegg keys rewrap\n"
        "  nestegg keys verify\n"
        f"  nestegg keys retire {former}"
    )


def _given_elsewhere(environment: "Environment", file: "EnvFile") -> Iterator[Problem]:
    """Yield why a change of the file alone would be half a rotation."""
    master, version = environment.find(MASTER), environment.find(CURRENT)
    if master is None:
        yield Problem(MASTER, f"is not set in {file.path}", "put the key that is in use there")
    current = version.value if version and version.value else "1"
    numbers = (int(current), int(current) + 1) if current.isdecimal() else ()
    for name in (MASTER, CURRENT, *(f"{NUMBERED}{number}" for number in numbers)):
        given = environment.find(name)
        if given is not None and given.origin != str(environment.dotenv):
            yield Problem(
                name,
                f"does not come from {file.path} ({given.origin})",
                "put it into that file alone, or take the steps by hand: docs/encryption.md",
            )
        elif file.lines_of(name) > 1:
            fix = "leave the line that counts, which is the last"
            yield Problem(name, f"stands more than once in {file.path}", fix)


def _prepared(keyring: "Keyring") -> bytes | None:
    return keyring.keys.get(keyring.current + 1)


def _turned(keyring: "Keyring") -> "Keyring":
    from nestegg_core.encryption.keyring import KEY_BYTES, Keyring

    version = keyring.current + 1
    key = _prepared(keyring) or os.urandom(KEY_BYTES)
    return Keyring(version, {**keyring.keys, version: key})


def _rotated(file: "EnvFile", keyring: "Keyring", turned: "Keyring") -> "EnvFile":
    texts = {
        MASTER: _text(turned.key(turned.current)),
        f"{NUMBERED}{keyring.current}": _text(keyring.key(keyring.current)),
        CURRENT: str(turned.current),
    }
    return file.changed(texts, without=[f"{NUMBERED}{turned.current}"], after=MASTER)


def _text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode()


keys.add_command(rotate)
