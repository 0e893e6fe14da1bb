"""What goes wrong with backups."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from nestegg_core.backups.verify import Figures, Sums
from nestegg_core.errors import NestEggError


class BackupRefused(NestEggError):
    """A backup file cannot be believed or used; the message says why.

    Example:
        >>> raise BackupRefused("The file is cut off.")
        Traceback (most recent call last):
        nestegg_core.backups.manifest.BackupRefused: The file is cut off.
    """


class BackupFailed(NestEggError):
    """A backup was not made; nothing of it is left."""


FORMAT = 1


@dataclass(frozen=True, slots=True)
class KeyPrint:
    """An encryption key that the data may need.

    Attributes:
        version: of the key.
        fingerprint: of the key, in hexadecimal; says nothing else about it.
        retired: whether no value was under it any more.
    """

    version: int
    fingerprint: str
    retired: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was backed up.

    Attributes:
        created_at: the moment of the snapshot, in UTC.
        release: of Nest Egg that made it.
        revision: the migration that the database stood at.
        dump_format: who can restore the dump.
        dump_size: bytes.
        dump_sha256: of the dump alone.
        keys: encryption keys that the database knew.
        figures: rows and sums.
    """

    created_at: datetime
    release: str
    revision: str
    dump_format: str
    dump_size: int
    dump_sha256: str
    keys: Sequence[KeyPrint] = field(repr=False)
    figures: Figures = field(repr=False)

    def to_json(self) -> bytes:
        """Return it as the member `manifest.json`."""
        document = {"format": FORMAT, **asdict(self), "created_at": self.created_at.isoformat()}
        return json.dumps(document, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        """Read the member `manifest.json`.

        Raises:
            BackupRefused: a newer release wrote it, or it is none.
        """
        try:
            found = json.loads(text)
            if found.pop("format") != FORMAT:
                raise BackupRefused(_NEWER)
            return cls(
                **{
                    **found,
                    "created_at": datetime.fromisoformat(found["created_at"]),
                    "keys": [KeyPrint(**one) for one in found["keys"]],
                    "figures": _figures(found["figures"]),
                }
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BackupRefused("The manifest of the backup cannot be read.") from None


_NEWER = "A newer release of Nest Egg made this backup: install that one (see its manifest.json)."


def _figures(found: Mapping[str, Any]) -> Figures:
    sums = {
        org_id: {currency: Sums(**one) for currency, one in by_currency.items()}
        for org_id, by_currency in found["sums"].items()
    }
    return Figures(found["rows"], sums)
