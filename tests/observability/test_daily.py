"""What jobs come to, as measurements."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from nestegg_core.encryption.usage import Count
from nestegg_core.observability.metrics import JobMetrics

NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)


class Recorder:
    def __init__(self) -> None:
        self.told: dict[tuple[str, ...], float] = {}

    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        self.told[name, *labels.values()] = amount

    def gauge(self, name: str, labels: Mapping[str, str], value: float) -> None:
        self.told[name, *labels.values()] = value


@dataclass
class Purged:
    live: bool
    transactions: int
    failures: tuple[object, ...] = ()


def told(purged: Purged) -> dict[tuple[str, ...], float]:
    recorder = Recorder()
    JobMetrics(recorder, lambda: NOW).retention(purged, {"sessions": 2})
    return recorder.told


def test_a_live_run_counts_what_it_deleted() -> None:
    assert told(Purged(live=True, transactions=5)) == {
        ("retention_deleted_rows", "sessions"): 2,
        ("retention_deleted_rows", "transactions"): 5,
        ("retention_last_run_timestamp_seconds", "live"): NOW.timestamp(),
    }


def test_a_dry_run_deletes_no_transactions() -> None:
    assert told(Purged(live=False, transactions=5)) == {
        ("retention_deleted_rows", "sessions"): 2,
        ("retention_last_run_timestamp_seconds", "dry_run"): NOW.timestamp(),
    }


def test_a_run_that_left_something_alone_is_not_the_last_good_one() -> None:
    purged = Purged(live=True, transactions=5, failures=("one",))
    assert not [key for key in told(purged) if key[0].startswith("retention_last")]


def test_values_are_added_up_by_key_and_a_key_that_is_not_needed_is_zero() -> None:
    recorder = Recorder()
    counts = [
        Count("accounts", "number", "fernet", 2, 3),
        Count("transactions", "notes", "fernet", 2, 4),
        Count("transactions", "notes", None, None, 1),
    ]
    JobMetrics(recorder, lambda: NOW).keys(counts, "fernet", [1, 2])

    assert recorder.told == {
        ("encrypted_values", "fernet", "1"): 0,
        ("encrypted_values", "fernet", "2"): 7,
        ("encrypted_values", "none", "none"): 1,
    }
