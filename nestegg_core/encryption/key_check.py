"""The check before anything is encrypted: are these the keys that this database knows?

A fingerprint of every key that has written here is kept in the database. A key that was mistyped,
left out or put back would otherwise show only when a value does not open, or never, while new
values are written that nobody else can read.
"""

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import insert, select

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import key_fingerprints
from nestegg_core.encryption.blind_index import BlindIndex, has_root, make_root
from nestegg_core.encryption.keyring import Keyring, fingerprint
from nestegg_core.errors import ConfigurationError, Problem

_LOCK = "nestegg key fingerprints"


@dataclass(frozen=True, slots=True)
class KnownKey:
    """`retired_at` is when no row was found to need the version any more; `None` while one may."""

    version: int
    fingerprint: bytes = field(repr=False)
    first_used_at: datetime
    retired_at: datetime | None


def known_keys(tx: Transaction) -> dict[int, KnownKey]:
    rows = tx.execute(select(key_fingerprints).order_by(key_fingerprints.c.version))
    return {row.version: KnownKey(**row._mapping) for row in rows}


@dataclass(slots=True)
class KeyCheck:
    """Refuses keys that do not fit the database (at head), and makes a new version known to it.
    What a new database must have before anybody is served is made here as well: nothing else writes
    because it happens to be first.
    """

    storage: Storage
    keyring: Keyring
    rows: SealedRows
    index: BlindIndex
    clock: Callable[[], datetime]
    _passed: bool = field(default=False, init=False)

    def __call__(self) -> None:
        """Check once; a process that has passed has passed for good. The `ConfigurationError` names
        the variable of every key that differs, is missing, or is older than one that has been used.
        """
        if self._passed:
            return
        with self.storage.system_transaction(write=False) as tx:
            known, complete = known_keys(tx), has_root(tx)
        self._refuse(known)
        if self.keyring.current not in known or not complete:
            self._complete()
        self.index.load()
        self._passed = True

    def refusals(self, keys: Iterable[tuple[int, bytes, bool]]) -> Sequence[Problem]:
        """What is wrong with the keys of this process for another database, or a backup, given its
        versions, their fingerprints and whether they were retired.
        """
        now = self.clock()
        known = {
            version: KnownKey(version, print_, now, now if retired else None)
            for version, print_, retired in keys
        }
        return list(problems(self.keyring, known))

    def look(self, keyring: Keyring | None = None) -> Sequence[Problem]:
        """What is wrong with the keys of this process, or with others in their place; makes nothing
        known.
        """
        with self.storage.system_transaction(write=False) as tx:
            known = known_keys(tx)
        return list(problems(keyring or self.keyring, known))

    def _complete(self) -> None:
        """Write the current key's fingerprint and the instance's secret, unless another process
        was first: then its key counts, and ours must be the same.
        """
        version = self.keyring.current
        with self.storage.system_transaction(write=True) as tx:
            tx.lock(_LOCK)
            known = known_keys(tx)
            self._refuse(known)
            if version not in known:
                values = {
                    "version": version,
                    "fingerprint": fingerprint(self.keyring.key(version)),
                    "first_used_at": self.clock(),
                }
                tx.execute(insert(key_fingerprints), values)
            make_root(tx, self.rows)

    def _refuse(self, known: Mapping[int, KnownKey]) -> None:
        if found := list(problems(self.keyring, known)):
            raise ConfigurationError(found)


def problems(keyring: Keyring, known: Mapping[int, KnownKey]) -> Iterator[Problem]:
    """What is wrong with the keys at hand, given those that the database knows."""
    newest = max(known, default=0)
    if keyring.current < newest:
        yield Problem(
            "ENCRYPTION_CURRENT_VERSION",
            f"is {keyring.current}, but this database has been written to under version {newest}",
            f"set it to {newest}, and MASTER_ENCRYPTION_KEY to the key of that version",
        )
    for version, key in known.items():
        variable = keyring.variable(version)
        if version not in keyring.keys:
            if key.retired_at is None and version < keyring.current:
                yield Problem(
                    variable,
                    f"is not set, but rows of this database may need the key of version {version}",
                    f"set it; once `nestegg keys rewrap` has left no such row: "
                    f"nestegg keys retire {version}",
                )
        elif not hmac.compare_digest(fingerprint(keyring.keys[version]), key.fingerprint):
            yield Problem(
                variable,
                f"is not the key that this database knows as version {version}",
                f"set the key of version {version} again; a new key needs a new version, see "
                "`nestegg keys --help`",
            )
    yield from _same_again(keyring, known)


def _same_again(keyring: Keyring, known: Mapping[int, KnownKey]) -> Iterator[Problem]:
    """A version that was raised without a new key would take that version's place for good."""
    if keyring.current in known:
        return
    mine = fingerprint(keyring.keys[keyring.current])
    for version, key in known.items():
        if hmac.compare_digest(mine, key.fingerprint):
            yield Problem(
                keyring.variable(keyring.current),
                f"is still the key of version {version}, but ENCRYPTION_CURRENT_VERSION is "
                f"{keyring.current}",
                "make a new key (nestegg keys generate), or set ENCRYPTION_CURRENT_VERSION back "
                f"to {version}",
            )
