"""Backups: made of one moment, verified by restoring them, restored, and cleared away."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from sqlalchemy import select

from nestegg_core.backups import archive, store
from nestegg_core.backups.archive import BackupFailed, BackupRefused, KeyPrint, Manifest
from nestegg_core.backups.store import BackupFile
from nestegg_core.backups.verify import Figures, figures, revision_of
from nestegg_core.contracts.metrics import MetricsExporter
from nestegg_core.contracts.storage import DumpingStorage, Snapshot, Storage
from nestegg_core.database import migrator
from nestegg_core.database.tables import key_fingerprints
from nestegg_core.errors import Conflict, MigrationError, NestEggError, Problem


@dataclass(frozen=True, slots=True)
class RotationPolicy:
    """How many to keep. Days, weeks (ISO 8601) and months are of UTC, and count if they have a
    backup.

    With `unverified` the other rules are about verified backups alone, and that many of the newest
    others stay: where verification fails, they neither fill the disk nor push out what is known to
    restore.
    """

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    unverified: int | None = None

    @property
    def anything(self) -> bool:
        return bool(self.last or self.daily or self.weekly or self.monthly or self.unverified)


def expired(found: Sequence[BackupFile], keep: RotationPolicy) -> Sequence[BackupFile]:
    """Return the backups that no rule keeps, the newest first.

    The newest verified one always stays. Without any rule, all do.
    """
    if not keep.anything:
        return []
    verified = [one for one in found if one.verified_at is not None]
    if keep.unverified is None:
        wanted = _by_rules(found, keep)
    else:
        others = [one.path for one in found if one.verified_at is None]
        wanted = {*_by_rules(verified, keep), *others[: keep.unverified]}
    wanted.update(one.path for one in verified[:1])
    return [one for one in found if one.path not in wanted]


def _by_rules(found: Sequence[BackupFile], keep: RotationPolicy) -> set[object]:
    return {
        *_newest_of_each(found, keep.last, lambda one: one.path.name),
        *_newest_of_each(found, keep.daily, lambda one: one.created_at.date()),
        *_newest_of_each(found, keep.weekly, lambda one: one.created_at.isocalendar()[:2]),
        *_newest_of_each(found, keep.monthly, lambda one: _month(one.created_at)),
    }


def _month(moment: datetime) -> tuple[int, int]:
    return moment.year, moment.month


def _newest_of_each(
    found: Sequence[BackupFile], count: int, period: Callable[[BackupFile], object]
) -> list[object]:
    newest: dict[object, object] = {}
    for one in found:
        newest.setdefault(period(one), one.path)
    return list(newest.values())[:count]


Report = Callable[[str, int], None]
"""Told what is being done, and how many bytes of it are done; 0 where bytes do not count."""

KeyProblems = Callable[[Iterable[tuple[int, bytes, bool]]], Sequence[Problem]]
"""Tells what is wrong with the keys at hand for data under keys of these versions, fingerprints,
and whether they were retired.
"""


Proof = Callable[[Storage], Sequence[str]]
"""Tells what is wrong with a restored database that stands at head, a sentence each."""


def no_report(what: str, done: int) -> None:
    del what, done


@dataclass(frozen=True, slots=True)
class Backup:
    path: Path
    size: int
    checksum: str
    manifest: Manifest


class Backups:
    def __init__(
        self,
        *,
        storage: Storage,
        others_connected: Callable[[], int],
        key_problems: KeyProblems,
        proofs: Sequence[Proof],
        release: str,
        clock: Callable[[], datetime],
        metrics: MetricsExporter,
    ) -> None:
        self._any_storage = storage
        self._others_connected = others_connected
        self._key_problems = key_problems
        self._proofs = proofs
        self._release = release
        self._clock = clock
        self._metrics = metrics

    def create(self, folder: Path, report: Report = no_report) -> Backup:
        """Back the database up into a new file, while others go on working."""
        try:
            with self._storage.snapshot() as snapshot:
                return self._create(snapshot, folder, report)
        except BaseException:
            self._metrics.count("backup_failures", {"step": "create"})
            raise

    def _create(self, snapshot: Snapshot, folder: Path, report: Report) -> Backup:
        moment, revision = self._clock(), revision_of(snapshot)
        if revision is None:
            raise BackupFailed("There is nothing to back up: the database has no tables.")
        migrator.refuse_unknown(revision)
        report("Counting", 0)
        held, keys = figures(snapshot), _keys(snapshot)
        manifests: list[Manifest] = []

        def manifest(size: int, digest: str) -> bytes:
            made = Manifest(
                created_at=moment,
                release=self._release,
                revision=revision,
                dump_format=self._storage.dump_format,
                dump_size=size,
                dump_sha256=digest,
                keys=keys,
                figures=held,
            )
            manifests.append(made)
            return made.to_json()

        with store.new_file(folder, moment) as (path, file):
            progress = _progress(report, "Dumping")
            checksum = archive.write(file, snapshot.dump, manifest, progress)
            size = file.tell()
        self.measure(folder)
        return Backup(path, size, checksum, manifests[0])

    def made_since(self, folder: Path, moment: datetime) -> Path | None:
        second = moment.replace(microsecond=0)  # files are named by the second
        newest = next(iter(store.list_backups(folder)), None)
        return newest.path if newest and newest.created_at >= second else None

    def verify(self, path: Path, report: Report = no_report) -> Backup:
        """Verify a backup: restore it into a scratch database, and compare every count and sum.

        Then it is brought to head there, the books are checked, and every encrypted value is
        opened. That it was verified is written down beside the file.
        """
        try:
            with self._opened(path, report) as (made, dump):
                self._verify(made, dump, report)
        except BaseException:
            self._metrics.count("backup_failures", {"step": "verify"})
            raise
        store.mark_verified(path, made.checksum, self._clock())
        self.measure(path.parent)
        return made

    def _verify(self, made: Backup, dump: IO[bytes], report: Report) -> None:
        report("Restoring into a scratch database", 0)
        with self._storage.scratch(dump) as scratch:
            with scratch.snapshot() as snapshot:
                _refuse_different(made.manifest.figures, figures(snapshot))
            scratch.upgrade()
            report("Checking the books and the encrypted values", 0)
            wrong = [what for proof in self._proofs for what in proof(scratch)]
        if wrong:
            raise BackupRefused("The backup restores, but: " + "; ".join(wrong))

    def restore(
        self,
        path: Path,
        *,
        overwrite: bool,
        while_connected: bool = False,
        report: Report = no_report,
    ) -> Backup:
        """Put a backup in the place of the database, and bring it to head; if it fails the old
        state stays.

        Conflict if data would be lost without `overwrite`, or others are connected without
        `while_connected`.
        """
        with self._opened(path, report) as (made, dump):
            if self._storage.holds_data():
                self._refuse_loss(overwrite=overwrite, while_connected=while_connected)
            report("Restoring", 0)
            self._storage.restore(dump)
        self._storage.dispose()  # connections of before know the tables of before
        with self._storage.snapshot() as snapshot:
            _refuse_different(made.manifest.figures, figures(snapshot))
        report("Migrating", 0)
        self._storage.upgrade()
        return made

    def _refuse_loss(self, *, overwrite: bool, while_connected: bool) -> None:
        if not overwrite:
            raise Conflict("holds-data", "The database holds data, which would be lost.")
        if not while_connected and (others := self._others_connected()):
            noun = "connection" if others == 1 else "connections"
            raise Conflict(
                "others-connected",
                f"Others hold at least {others} {noun} to the database, and what they write until "
                "it is replaced would be lost without a word. Stop servers, workers and the "
                "scheduler, or add --while-connected.",
            )

    def holds_data(self) -> bool:
        return self._storage.holds_data()

    def prune(
        self, folder: Path, keep: RotationPolicy, *, dry_run: bool = False
    ) -> tuple[Sequence[store.BackupFile], Sequence[store.BackupFile]]:
        """Delete the backups that no rule keeps; return those that stay and those that went."""
        found = store.list_backups(folder)
        going = expired(found, keep)
        if not dry_run:
            for one in going:
                store.remove(one)
        return [one for one in found if one not in going], going

    def measure(self, folder: Path | None) -> None:
        """Set the gauges from what is in a folder, if there is one; never raises."""
        try:
            found = store.list_backups(folder) if folder else ()
        except OSError:
            return
        if found:
            created = found[0].created_at.timestamp()
            self._metrics.gauge("backup_last_created_timestamp_seconds", {}, created)
            self._metrics.gauge("backup_last_size_bytes", {}, found[0].size)
        if verified := [one.verified_at for one in found if one.verified_at is not None]:
            self._metrics.gauge(
                "backup_last_verified_timestamp_seconds", {}, max(verified).timestamp()
            )

    @property
    def _storage(self) -> DumpingStorage:
        if not isinstance(self._any_storage, DumpingStorage):
            raise NestEggError(
                "This storage does not know how to dump: use the backup tools of its database."
            )
        return self._any_storage

    @contextmanager
    def _opened(self, path: Path, report: Report) -> Iterator[tuple[Backup, IO[bytes]]]:
        try:
            size = path.stat().st_size
            with archive.opened(path, _progress(report, "Checking the file")) as found:
                manifest = Manifest.from_json(found.manifest)
                self._refuse_unfit(manifest)
                yield Backup(path, size, found.checksum, manifest), found.dump()
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise BackupRefused(f"The backup cannot be read or unpacked: {why}.") from error

    def _refuse_unfit(self, manifest: Manifest) -> None:
        mine = self._storage.dump_format
        if manifest.dump_format != mine:
            raise BackupRefused(
                f"The backup is of another kind of database ({manifest.dump_format}; this one "
                f"takes {mine}). Set DATABASE_URL to one of that kind."
            )
        try:
            migrator.refuse_unknown(manifest.revision)
        except MigrationError:
            raise BackupRefused(
                f"The backup stands at migration {manifest.revision}, which this release does "
                f"not know: install Nest Egg {manifest.release} or newer."
            ) from None
        known = [
            (one.version, bytes.fromhex(one.fingerprint), one.retired) for one in manifest.keys
        ]
        if wrong := self._key_problems(known):
            told = "; ".join(f"{one.where} {one.what} (fix: {one.fix})" for one in wrong)
            raise BackupRefused(f"The backup is not for the keys at hand: {told}")


def _keys(snapshot: Snapshot) -> Sequence[KeyPrint]:
    if key_fingerprints.name not in snapshot.tables:
        return []
    columns = key_fingerprints.c
    rows = snapshot.transaction.execute(
        select(columns.version, columns.fingerprint, columns.retired_at).order_by(columns.version)
    )
    return [
        KeyPrint(row.version, row.fingerprint.hex(), row.retired_at is not None) for row in rows
    ]


def _refuse_different(backed_up: Figures, found: Figures) -> None:
    if different := list(backed_up.differences(found)):
        raise BackupRefused(
            "What was restored is not what was backed up: " + "; ".join(different) + ". If servers "
            "run on that database, stop them and restore again."
        )


def _progress(report: Report, what: str) -> archive.Progress:
    return lambda done: report(what, done)
