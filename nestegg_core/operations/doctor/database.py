"""The database: does it answer, where does its schema stand, and does it keep people apart?"""

from collections.abc import Iterator

from nestegg_core.contracts.operations import Diagnosis
from nestegg_core.contracts.storage import ExaminedStorage, Storage
from nestegg_core.database import head
from nestegg_core.errors import MigrationError, StorageUnavailable

_REFUSED = ("password", "authentication", "role", "permission")


def database(
    storage: Storage, *, migrates_itself: bool, processes: int, production: bool
) -> Iterator[Diagnosis]:
    """Look at the database.

    Args:
        storage: as the application's role.
        migrates_itself: whether a server brings it to head by itself.
        processes: of servers and workers that connect.
        production: whether weak walls are an error.
    """
    try:
        revision = storage.current_revision()
        findings = storage.check() if revision == head() else []
    except StorageUnavailable as error:
        yield _unavailable(error)
        return
    except MigrationError as error:
        yield Diagnosis(
            "error",
            str(error),
            "no process of this release serves it",
            "install the newer release",
        )
        return
    if revision != head():
        yield from _behind(revision, migrates_itself=migrates_itself)
    for finding in findings:
        yield Diagnosis(
            "error" if production else "warning",
            finding.what,
            "the database itself then does not keep one organization from another's rows",
            finding.fix,
        )
    if isinstance(storage, ExaminedStorage):
        yield from storage.examine(processes=processes)


def not_made() -> Iterator[Diagnosis]:
    """Tell that there is no SQLite file yet."""
    yield Diagnosis(
        "note",
        "There is no database yet",
        "`nestegg serve` makes an SQLite file in NESTEGG_HOME",
        "if there should be one, correct NESTEGG_HOME or DATABASE_URL",
    )


def _behind(revision: str | None, *, migrates_itself: bool) -> Iterator[Diagnosis]:
    what = f"The schema stands at {revision or 'nothing'}, this release wants {head()}"
    if migrates_itself:
        yield Diagnosis("note", what, "`nestegg serve` migrates it", "nestegg db upgrade")
    else:
        yield Diagnosis("error", what, "until then only probes are answered", "nestegg db upgrade")


def _unavailable(error: StorageUnavailable) -> Diagnosis:
    cause = str(getattr(error.__cause__, "orig", "")).lower()
    if any(word in cause for word in _REFUSED):
        return Diagnosis(
            "error",
            "The database refuses the application's user or password",
            "nothing works without it",
            "correct DATABASE_URL; for a new database run: nestegg db upgrade",
        )
    return Diagnosis(
        "error",
        "The database does not answer",
        "nothing works without it",
        "start it, or correct host and port in DATABASE_URL (with TLS: sslmode)",
    )
