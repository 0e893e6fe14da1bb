"""Which keys there are, which of them are needed, and when one may go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update

from nestegg_core.database.tables import key_fingerprints
from nestegg_core.encryption.census import Count, census, total
from nestegg_core.encryption.key_check import KnownKey, known_keys, problems
from nestegg_core.encryption.keys import Keys
from nestegg_core.errors import Conflict, NotFound, Problem


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One key version.

    Attributes:
        variable: where its key comes from.
        at_hand: whether the key is set.
        state: `current`, `reads` (older, or not current yet), `retired` (no row needs it) or
            `missing`.
        first_used_at: when a process first wrote under it; `None` when none has.
        retired_at: when it was retired.
        rows: values under it.
    """

    version: int
    variable: str
    at_hand: bool
    state: str
    first_used_at: datetime | None
    retired_at: datetime | None
    rows: int


@dataclass(frozen=True, slots=True)
class Status:
    """All keys and all values.

    Attributes:
        problems: why the server would refuse to start with these keys.
        outdated: values under another backend or version than new ones.
        clear_text: values that are no tokens.
    """

    keys: Sequence[KeyStatus]
    counts: Sequence[Count]
    problems: Sequence[Problem]
    outdated: int
    clear_text: int


def status(keys: Keys) -> Status:
    """Return what there is, also where the keys do not fit; writes nothing."""
    with keys.storage.system_transaction(write=False) as tx:
        known = known_keys(tx)
    counts = census(keys.storage)
    versions = {*known, *keys.keyring.keys, *(c.version for c in counts if c.version)}
    tokens = [count for count in counts if count.backend]
    return Status(
        keys=[_key_status(keys, version, known, counts) for version in sorted(versions)],
        counts=counts,
        problems=list(problems(keys.keyring, known)),
        outdated=total(count for count in tokens if not count.is_of(keys.target)),
        clear_text=total(counts) - total(tokens),
    )


def _key_status(
    keys: Keys, version: int, known: Mapping[int, KnownKey], counts: Sequence[Count]
) -> KeyStatus:
    key = known.get(version)
    at_hand = version in keys.keyring.keys
    rows = total(count for count in counts if count.version == version)
    retired_at = key.retired_at if key else None
    if version == keys.keyring.current:
        state = "current"
    elif retired_at and not rows:
        state = "retired"
    else:
        state = "reads" if at_hand else "missing"
    return KeyStatus(
        version=version,
        variable=keys.keyring.variable(version),
        at_hand=at_hand,
        state=state,
        first_used_at=key.first_used_at if key else None,
        retired_at=retired_at,
        rows=rows,
    )


def retire(keys: Keys, version: int) -> datetime:
    """Note that no row needs a key version any more: the start no longer asks for its key.

    Backups from before this moment still need the key.

    Returns:
        the moment.

    Raises:
        NotFound: this database does not know the version.
        Conflict: it is the current one, or rows need it still; the message says how many, where.
    """
    if version >= keys.keyring.current:
        raise Conflict(
            "key-in-use",
            f"Version {version} is not older than the current one ({keys.keyring.current}).",
        )
    with keys.storage.system_transaction(write=False) as tx:
        known = known_keys(tx)
    if keys.keyring.current not in known:
        raise Conflict(
            "key-in-use",
            f"No process has started with version {keys.keyring.current} yet: the others still "
            "write under an older one.",
        )
    if version not in known:
        raise NotFound(f"Nothing has been written under version {version} in this database.")
    needing = [count for count in census(keys.storage) if count.version == version]
    if needing:
        places = ", ".join(f"{c.table}.{c.column}: {c.rows}" for c in needing)
        raise Conflict(
            "key-in-use",
            f"Version {version} is still needed ({places}). Run: nestegg keys rewrap",
        )
    now = keys.clock()
    with keys.storage.system_transaction(write=True) as tx:
        tx.execute(
            update(key_fingerprints)
            .where(key_fingerprints.c.version == version)
            .values(retired_at=now)
        )
    return now
