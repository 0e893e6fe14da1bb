"""`nestegg backup`: make backups, verify them, restore one, and clear old ones away."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nestegg_core.cli.context import opened
from nestegg_core.cli.group import Refused, counted, json_option, print_json, print_table
from nestegg_core.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from nestegg_core.application import Runtime
    from nestegg_core.backups.service import Backup
    from nestegg_core.backups.store import BackupFile

_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_folder = click.Path(file_okay=False, path_type=Path)
_existing = click.Path(exists=True, file_okay=False, path_type=Path)
_count = click.IntRange(min=0)


@click.group(
    epilog="""\b
Examples:
  nestegg backup create --to /srv/backups
  nestegg backup verify /srv/backups/nestegg-20260301T020000Z.backup"""
)
def backup() -> None:
    """Back up the database, and verify that the backups restore.

    A backup holds no encryption key: keep MASTER_ENCRYPTION_KEY elsewhere, or all that it encrypts
    is lost. On PostgreSQL these commands connect as DATABASE_ADMIN_URL and call pg_dump,
    pg_restore and psql (PG_BIN).
    """


@backup.command(epilog="Example: nestegg backup create --to /srv/backups")
@click.option("--to", "folder", type=_folder, help="Folder. [default: BACKUP_DIR]")
@json_option
def create(folder: Path | None, as_json: bool) -> None:
    """Back the database up into a new file, while everybody goes on working.

    The file appears when it is complete; when it cannot be, the exit code is 1 and nothing is
    left of it.
    """
    with opened(at_head=False) as runtime, _progress() as report:
        made = runtime.backups.create(_chosen(folder, runtime), report)
    if as_json:
        print_json(_document(made))
        return
    click.echo(f"Made {made.path} ({_size(made.size)}: {_told(made)}).")
    click.echo(f"Verify that it restores: nestegg backup verify {made.path}")


@backup.command("list", epilog="Example: nestegg backup list --json")
@click.option("--in", "folder", type=_existing, help="Folder. [default: BACKUP_DIR]")
@json_option
def list_backups(folder: Path | None, as_json: bool) -> None:
    """List the backups of a folder, the newest first, and when each was verified."""
    from nestegg_core.backups.store import list_backups

    with opened(at_head=False) as runtime:
        chosen = _chosen(folder, runtime)
    found = list_backups(chosen)
    if as_json:
        print_json({"backups": [_kept_document(one) for one in found]})
    elif not found:
        click.echo(f"There is no backup in {chosen}.")
    else:
        _print_kept(found)


@backup.command(
    epilog="Example: nestegg backup verify /srv/backups/nestegg-20260301T020000Z.backup"
)
@_file
@json_option
def verify(file: Path, as_json: bool) -> None:
    """Verify that FILE restores: do so in a scratch database, and compare every figure.

    Rows of every table and sums of money must be those of the moment of the backup, the books
    must balance, and every encrypted value must open with the keys at hand. The exit code is 1
    when anything is wrong.
    """
    with opened(at_head=False) as runtime, _progress() as report:
        made = runtime.backups.verify(file, report)
    if as_json:
        print_json({**_document(made), "verified": True})
    else:
        click.echo(f"Verified: {file} restores, and holds {_told(made)}.")


@backup.command(
    epilog="""\b
Examples:
  nestegg backup restore /srv/backups/nestegg-20260301T020000Z.backup
  nestegg backup restore nestegg-20260301T020000Z.backup --overwrite --yes"""
)
@_file
@click.option("--overwrite", is_flag=True, help="Replace a database that holds data.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--while-connected", is_flag=True, help="Do so though others are connected to the database."
)
@json_option
def restore(file: Path, overwrite: bool, yes: bool, while_connected: bool, as_json: bool) -> None:
    """Put FILE in the place of the database, in one transaction, and migrate it to head.

    A database that holds data is refused without --overwrite, and also while others are connected
    to it: stop servers, workers and the scheduler first.
    """
    with opened(at_head=False) as runtime:
        if runtime.backups.holds_data():
            _ask(overwrite=overwrite, yes=yes)
        with _progress() as report:
            made = runtime.backups.restore(
                file, overwrite=overwrite, while_connected=while_connected, report=report
            )
        findings = runtime.storage.check()
    if as_json:
        print_json({**_document(made), "findings": [one.what for one in findings]})
        return
    click.echo(f"Restored {file}: {_told(made)}.")
    for finding in findings:
        click.echo(f"{finding.what}\n  Fix: {finding.fix}")


@backup.command(
    epilog="""\b
Examples:
  nestegg backup prune --keep-last 7 --keep-daily 14 --keep-monthly 12 --dry-run
  nestegg backup prune"""
)
@click.option("--in", "folder", type=_existing, help="Folder. [default: BACKUP_DIR]")
@click.option("--keep-last", type=_count, help="Keep so many of the newest.")
@click.option("--keep-daily", type=_count, help="Keep the newest of so many days.")
@click.option("--keep-weekly", type=_count, help="Keep the newest of so many weeks.")
@click.option("--keep-monthly", type=_count, help="Keep the newest of so many months.")
@click.option(
    "--keep-unverified",
    type=_count,
    help="Keep so many of those that were not verified; the other rules count verified ones then.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@json_option
def prune(folder: Path | None, dry_run: bool, as_json: bool, **rules: int | None) -> None:
    """Delete the backups that no rule keeps. Days, weeks and months are of UTC.

    Without any rule those of BACKUP_KEEP_LAST and the like are in force; with one, only those that
    are given. The newest verified backup always stays.
    """
    from nestegg_core.backups.service import RotationPolicy

    given = {name.removeprefix("keep_"): n for name, n in rules.items() if n is not None}
    if given and not any(given.values()):
        raise click.UsageError("These rules keep nothing. Give one of them more than 0.")
    with opened(at_head=False) as runtime:
        keep = RotationPolicy(**given) if given else _configured(runtime)
        stay, gone = runtime.backups.prune(_chosen(folder, runtime), keep, dry_run=dry_run)
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "kept": [one.path for one in stay],
                "pruned": [one.path for one in gone],
            }
        )
        return
    for one in gone:
        click.echo(one.path)
    verb = "would go" if dry_run else "deleted"
    click.echo(f"{counted(len(gone), 'backup')} {verb}, {len(stay)} kept.")


def _configured(runtime: "Runtime") -> Any:
    from nestegg_core.backups import to_keep

    return to_keep(runtime.settings)


def _chosen(folder: Path | None, runtime: "Runtime") -> Path:
    chosen = folder or runtime.settings.backup_dir
    if chosen is None:
        fix = "set it to a folder, or name one at the command line"
        raise ConfigurationError([Problem("BACKUP_DIR", "is not set", fix)])
    return chosen


def _ask(*, overwrite: bool, yes: bool) -> None:
    if not overwrite:
        raise Refused(
            "The database holds data, which a restore would replace. Back it up, and then add "
            "--overwrite."
        )
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused("Nobody can be asked here whether the data may go: add --yes.")
    click.confirm("All that the database holds now will be replaced. Go on?", abort=True)


@contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    if not sys.stderr.isatty():
        yield lambda _what, _done: None
        return
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield lambda what, done: status.update(f"{what} {_size(done) if done else ''}")


def _told(made: "Backup") -> str:
    manifest = made.manifest
    rows = sum(manifest.figures.rows.values())
    return (
        f"{counted(rows, 'row')} of {counted(len(manifest.figures.rows), 'table')} as of "
        f"{manifest.created_at:%Y-%m-%d %H:%M:%S} UTC, migration {manifest.revision}"
    )


def _document(made: "Backup") -> dict[str, Any]:
    manifest = made.manifest
    return {
        "file": made.path,
        "size": made.size,
        "sha256": made.checksum,
        "created_at": manifest.created_at.isoformat(),
        "release": manifest.release,
        "revision": manifest.revision,
        "rows": manifest.figures.rows,
    }


def _kept_document(one: "BackupFile") -> dict[str, Any]:
    verified = one.verified_at.isoformat() if one.verified_at else None
    return {
        "file": one.path,
        "size": one.size,
        "created_at": one.created_at.isoformat(),
        "verified_at": verified,
    }


def _print_kept(found: Any) -> None:
    print_table(
        ("FILE", "SIZE", "MADE (UTC)", "VERIFIED (UTC)"),
        (
            (
                one.path,
                _size(one.size),
                f"{one.created_at:%Y-%m-%d %H:%M:%S}",
                f"{one.verified_at:%Y-%m-%d %H:%M:%S}" if one.verified_at else "never",
            )
            for one in found
        ),
    )


def _size(number: int) -> str:
    from rich.filesize import decimal

    return decimal(number)
