"""Backups: made, verified in a scratch database, kept by rules, restored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nestegg_core.application import Kernel, Sealed
    from nestegg_core.backups.service import Backups, RotationPolicy
    from nestegg_core.contracts.operations import JobRegistration
    from nestegg_core.settings import Settings


@dataclass(frozen=True)
class BackupServices:
    backups: "Backups"


def wire(kernel: "Sealed") -> BackupServices:
    from nestegg_core.backups.service import Backups
    from nestegg_core.backups.verify import books_balance, values_open
    from nestegg_core.database.sql_storage import SqlStorage
    from nestegg_core.encryption.usage import verify
    from nestegg_core.ledger.balances import check_books

    storage, keys = kernel.storage, kernel.keys
    return BackupServices(
        Backups(
            storage=storage,
            others_connected=(
                storage.others_connected if isinstance(storage, SqlStorage) else lambda: 0
            ),
            key_problems=kernel.check_keys.refusals,
            proofs=[
                books_balance(check_books),
                values_open(lambda scratch: verify(replace(keys, storage=scratch))),
            ],
            release=version("nestegg-core"),
            clock=kernel.clock,
            metrics=kernel.metrics,
        )
    )


def jobs(kernel: "Kernel", services: BackupServices) -> "Sequence[JobRegistration]":
    from nestegg_core.backups.job import backup_job
    from nestegg_core.jobs.runner import current_job

    settings, clock = kernel.settings, kernel.clock
    return [
        backup_job(
            services.backups,
            settings.backup_dir,
            settings.backup_schedule,
            to_keep(settings),
            asked_at=lambda: job.asked_at if (job := current_job()) else clock(),
        )
    ]


def to_keep(settings: "Settings") -> "RotationPolicy":
    from nestegg_core.backups.service import RotationPolicy

    return RotationPolicy(
        last=settings.backup_keep_last,
        daily=settings.backup_keep_daily,
        weekly=settings.backup_keep_weekly,
        monthly=settings.backup_keep_monthly,
        unverified=settings.backup_keep_unverified,
    )
