"""The database: does it answer, where does its schema stand, and does it keep users apart?"""

import re
import sqlite3
from collections.abc import Iterator

from nestegg_core.contracts.operations import Diagnosis
from nestegg_core.contracts.storage import ExaminedStorage, Storage
from nestegg_core.database.migrator import head, way_to_head
from nestegg_core.errors import ConfigurationError, MigrationError, StorageUnavailable, told

_QUOTED = re.compile(r"""(["']).*?\1""")
_CAUSES = (
    (
        ("too many clients", "connection slots"),
        "takes no more connections",
        "set max_connections higher in PostgreSQL, or end what holds them; see DB_POOL_SIZE",
    ),
    (
        ("ssl", "certificate"),
        "and this machine do not agree on TLS",
        "switch TLS on in the server (ssl = on), or correct sslmode and sslrootcert in {variable}",
    ),
    (
        ("database does not exist",),
        "server has no database of the name in {variable}",
        "correct the name, or make it: CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0",
    ),
    (
        ("password", "authentication", "role", "permission"),
        "refuses the user or password of {variable}",
        "correct {variable}; for a new database run: nestegg db upgrade",
    ),
)
"""What libpq's or the server's words mean, without names: what is told, and what mends it."""


def database(
    storage: Storage, *, migrates_itself: bool, processes: int, private: bool, production: bool
) -> Iterator[Diagnosis]:
    """`private`: nobody else is on the way to it. In production weak walls are an error."""
    try:
        revision = storage.current_revision()
        findings = storage.check() if revision == head() else []
    except StorageUnavailable as error:
        yield _unavailable(error, "DATABASE_URL", "nothing works without it")
        return
    except ConfigurationError as error:
        yield from _unfit(error)
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
    if not isinstance(storage, ExaminedStorage):
        return
    try:
        yield from storage.examine(processes=processes, private=private)
    except ConfigurationError as error:
        yield from _unfit(error)
    except StorageUnavailable as error:  # the application's role has just been let in
        why = "nothing is migrated, backed up or restored without the owner of the tables"
        yield _unavailable(error, "DATABASE_ADMIN_URL", why)


def not_made() -> Iterator[Diagnosis]:
    yield Diagnosis(
        "note",
        "There is no database yet",
        "`nestegg serve` makes an SQLite file in NESTEGG_HOME",
        "if there should be one, correct NESTEGG_HOME or DATABASE_URL",
    )


def _unfit(error: ConfigurationError) -> Iterator[Diagnosis]:
    """A database that answers, and is not one to keep money in."""
    for problem in error.problems:
        what = f"{problem.where} {problem.what}"
        yield Diagnosis("error", what, "every process refuses to start with it", problem.fix)


def _behind(revision: str | None, *, migrates_itself: bool) -> Iterator[Diagnosis]:
    what = f"The schema stands at {revision or 'nothing'}, this release wants {head()}"
    fix = way_to_head(revision)
    if migrates_itself and fix == way_to_head(None):
        yield Diagnosis("note", what, "`nestegg serve` migrates it", fix)
    else:
        yield Diagnosis("error", what, "until then only probes are answered", fix)


def _unavailable(error: StorageUnavailable, variable: str, why: str) -> Diagnosis:
    driver = getattr(error.__cause__, "orig", error.__cause__)
    if isinstance(driver, OSError | sqlite3.Error):  # a file's: its path stands in the notes
        return Diagnosis("error", told(error), why, "do as it says, then: nestegg doctor")
    cause = " ".join(_QUOTED.sub("", str(driver).lower()).split())
    for words, what, fix in _CAUSES:
        if any(word in cause for word in words):
            known = f"The database {what}".format(variable=variable)
            return Diagnosis("error", known, why, fix.format(variable=variable))
    return Diagnosis(
        "error",
        f"The database does not answer at the address in {variable}",
        why,
        "start it, or correct host and port",
    )
