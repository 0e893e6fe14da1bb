"""Retention: which rows have had their time, and how they go without moving a balance."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nestegg_core.application import Kernel
    from nestegg_core.contracts.operations import JobRegistration
    from nestegg_core.retention.engine import Retention
    from nestegg_core.retention.receipts import Receipts


@dataclass(frozen=True)
class RetentionServices:
    retention: "Retention"


@dataclass(frozen=True)
class ReceiptServices:
    receipts: "Receipts"


def wire(kernel: "Kernel") -> RetentionServices:
    from nestegg_core.database.sql_storage import SqlStorage
    from nestegg_core.retention.cleanup import Cleaning, Lifetimes
    from nestegg_core.retention.engine import ClockCheck, Retention

    settings, storage, clock = kernel.settings, kernel.storage, kernel.clock
    database_clock = storage.database_clock if isinstance(storage, SqlStorage) else lambda: None
    lifetimes = Lifetimes(
        session=timedelta(days=settings.refresh_token_days),
        preview=timedelta(days=settings.import_preview_days),
    )
    return RetentionServices(
        Retention(
            storage=storage,
            policies=kernel.guarded.retention_policies(),
            cleaning=Cleaning(storage, lifetimes),
            clock=clock,
            check_clock=ClockCheck(storage, clock, database_clock),
        )
    )


def jobs(kernel: "Kernel", services: RetentionServices) -> "Sequence[JobRegistration]":
    from nestegg_core.jobs.runner import asked_by
    from nestegg_core.observability.metrics import JobMetrics
    from nestegg_core.retention.engine import retention_job

    return [
        retention_job(
            services.retention,
            dry_run=kernel.settings.data_retention_dry_run,
            asked_by=asked_by,
            tell=JobMetrics(kernel.metrics, kernel.clock).retention,
        )
    ]


def wire_receipts(format_amount: Callable[[Decimal, str], str]) -> ReceiptServices:
    from nestegg_core.retention.receipts import Receipts

    return ReceiptServices(Receipts(format_amount))
